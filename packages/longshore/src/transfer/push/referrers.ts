import {
  type Descriptor,
  type Digest,
  digestOf,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  MEDIA_TYPES,
  parseManifest,
  type Reference,
} from '../../image/index.ts';
import type { RepositoryAddress } from '../../registry/index.ts';
import type { Store } from '../../store/index.ts';
import type { PushRegistry } from './context.ts';
import type { ImageNode } from './readImage.ts';

/** Signatures, attestations and the like, by the digest of what they refer to. */
export type Referrers = ReadonlyMap<Digest, readonly Descriptor[]>;

/** All manifests with a subject that references of the store name. What cannot be read has none. */
export async function findReferrers(store: Pick<Store, 'references' | 'read'>): Promise<Referrers> {
  const found = new Map<Digest, Map<Digest, Descriptor>>();
  for (const { descriptor } of await store.references()) {
    const { mediaType, size } = descriptor;
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) continue;
    if (size > MAX_MANIFEST_BYTES) continue;
    const subject = await readSubject(descriptor, store);
    if (subject === undefined) continue;
    const referrers = found.get(subject.digest) ?? new Map<Digest, Descriptor>();
    found.set(subject.digest, referrers.set(descriptor.digest, descriptor));
  }
  return new Map(Array.from(found, ([digest, referrers]) => [digest, [...referrers.values()]]));
}

async function readSubject(
  { digest, mediaType }: Descriptor,
  store: Pick<Store, 'read'>,
): Promise<Descriptor | undefined> {
  try {
    return parseManifest(await store.read(digest, MAX_MANIFEST_BYTES), mediaType).subject;
  } catch {
    return undefined;
  }
}

/**
 * Names a referrer in the index that stands in for the referrers API where a registry has none
 * (distribution-spec, "Referrers Tag Schema"). Two writers at once may undo each other: the
 * specification has no answer to that either.
 */
export async function listInTag(
  registry: PushRegistry,
  {
    repository,
    referrer,
    subject,
  }: {
    readonly repository: RepositoryAddress;
    readonly referrer: ImageNode;
    readonly subject: Digest;
  },
  signal: AbortSignal,
): Promise<void> {
  const tag: Reference = { ...repository, tag: subject.replace(':', '-').slice(0, 128) };
  const known = await registry.find(tag, { signal });
  const listed =
    known === undefined
      ? []
      : await readEntries((await registry.manifest(repository, known, { signal })).bytes, known);
  const { descriptor, artifactType, annotations } = referrer;
  if (listed.some(({ digest }) => digest === descriptor.digest)) return;
  const entry = {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const mediaType = MEDIA_TYPES.ociIndex;
  const document = { schemaVersion: 2, mediaType, manifests: [...listed, entry] };
  const bytes = Buffer.from(JSON.stringify(document));
  const index = { mediaType, digest: digestOf(bytes) };
  await registry.putManifest(tag, { descriptor: index, bytes }, { signal });
}

async function readEntries(
  bytes: Uint8Array,
  { mediaType }: Descriptor,
): Promise<readonly Descriptor[]> {
  const document = parseManifest(bytes, mediaType);
  return document.kind === 'index' ? document.manifests : [];
}
