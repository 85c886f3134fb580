import { isLongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestOf,
  type Index,
  isDigest,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from '../image/index.ts';
import { childrenOf } from './catalogue.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import { type RepositoryName, referenceName } from './repositoryName.ts';
import type { Site } from './site.ts';
import { openFileSource } from './source.ts';

/** Serves `/v2/<name>/manifests/<reference>`. */
export async function handleManifest(
  site: Site,
  exchange: Exchange,
  at: { readonly repository: RepositoryName; readonly target: string },
): Promise<void> {
  const { repository, target } = at;
  if (referenceName(repository, target) === undefined) {
    throw new Refusal(400, 'MANIFEST_INVALID', { message: 'not a tag or a digest' });
  }
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return sendManifest(site, exchange, at);
    case 'PUT':
      return putManifest(site, exchange, at);
    case 'DELETE':
      if (!(await site.catalogue.removeManifest(repository, target))) throw unknown(target);
      return exchange.sendEmpty(202);
    default:
      throw new Refusal(405, 'UNSUPPORTED');
  }
}

type At = Parameters<typeof handleManifest>[2];

function unknown(target: string): Refusal {
  return new Refusal(404, 'MANIFEST_UNKNOWN', { message: `no manifest ${target}` });
}

async function sendManifest(site: Site, exchange: Exchange, at: At): Promise<void> {
  const found = await site.catalogue.findManifest(at.repository, at.target);
  if (found === undefined) throw unknown(at.target);
  await exchange.sendContent(found, () => openFileSource(site.store.blobPath(found.digest)));
}

async function putManifest(site: Site, exchange: Exchange, at: At): Promise<void> {
  const bytes = await readBody(exchange);
  const mediaType = exchange.header('content-type')?.split(';')[0]?.trim();
  const document = readDocument(bytes, mediaType);
  const digest = checkDigest(bytes, at.target);
  await requireChildren(site, at.repository, document);
  const descriptor = await publish(site, { mediaType: document.mediaType, bytes, digest });
  await site.catalogue.addManifest(at.repository, at.target, { descriptor, document });
  exchange.sendEmpty(201, {
    location: `/v2/${at.repository.path}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(document.subject === undefined ? {} : { 'oci-subject': document.subject.digest }),
  });
}

async function readBody(exchange: Exchange): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const whole = await exchange.receive({
    keeps: true,
    write(chunk) {
      size += chunk.byteLength;
      if (size > MAX_MANIFEST_BYTES) {
        throw new Refusal(413, 'MANIFEST_INVALID', { message: 'manifest over 4 MiB' });
      }
      chunks.push(chunk);
      return undefined;
    },
  });
  if (!whole) throw new Refusal(400, 'MANIFEST_INVALID', { message: 'the body was cut short' });
  return Buffer.concat(chunks);
}

function readDocument(bytes: Uint8Array, mediaType: string | undefined): Manifest | Index {
  if (mediaType !== undefined && !isManifestType(mediaType) && !isIndexType(mediaType)) {
    const message = `not a media type of manifests here: ${mediaType.slice(0, 100)}`;
    throw new Refusal(400, 'MANIFEST_INVALID', { message });
  }
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (!isLongshoreError(error)) throw error;
    throw new Refusal(400, 'MANIFEST_INVALID', { message: error.message });
  }
}

function checkDigest(bytes: Uint8Array, target: string): Digest {
  if (!isDigest(target)) return digestOf(bytes);
  const actual = digestOf(bytes, digestAlgorithm(target));
  if (actual === target) return actual;
  throw new Refusal(400, 'DIGEST_INVALID', { message: `the content is ${actual}` });
}

async function requireChildren(
  site: Site,
  repository: RepositoryName,
  document: Manifest | Index,
): Promise<void> {
  for (const child of childrenOf(document)) {
    // Foreign layers are held elsewhere on purpose.
    if ((child.urls?.length ?? 0) > 0) continue;
    const found =
      document.kind === 'index'
        ? await site.catalogue.findManifest(repository, child.digest)
        : await site.catalogue.blobSize(repository, child.digest);
    if (found !== undefined) continue;
    throw new Refusal(400, 'MANIFEST_BLOB_UNKNOWN', { message: `not here: ${child.digest}` });
  }
}

/** `Store.put` names content by sha256; other digests go the way of blobs. */
async function publish(
  site: Site,
  content: { readonly mediaType: string; readonly bytes: Uint8Array; readonly digest: Digest },
): Promise<Descriptor> {
  const { mediaType, bytes, digest } = content;
  if (digestAlgorithm(digest) === 'sha256') return site.store.put(mediaType, bytes);
  const upload = await site.store.upload();
  await upload.write(bytes);
  return { mediaType, ...(await upload.commit(digest)) };
}
