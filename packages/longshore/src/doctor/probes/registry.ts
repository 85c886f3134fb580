import { randomBytes } from 'node:crypto';
import { isLongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
  parseManifest,
  type Reference,
} from '../../image/index.ts';
import type {
  BlobBody,
  PullQuota,
  Registry,
  RegistryUploads,
  RepositoryAddress,
} from '../../registry/index.ts';
import { findProfile } from '../../transfer/index.ts';
import type { RegistryFacts, WriteFacts } from '../types.ts';

export interface RegistryProbeOptions {
  readonly registry: Registry & RegistryUploads;
  /** Host with an optional port. */
  readonly host: string;
  /** An image there that may be read. */
  readonly image: Reference | undefined;
  /** A repository there that may be written to: a blob of some bytes stays in it. */
  readonly writeTo: RepositoryAddress | undefined;
  /** What the registry's answers told of its quota, when it has been asked. */
  readonly quota: () => PullQuota | undefined;
  readonly ceiling: number | undefined;
  readonly signal: AbortSignal;
}

/** Asks a registry what it takes. Reads only, but for `writeTo`. */
export async function probeRegistry(options: RegistryProbeOptions): Promise<RegistryFacts> {
  const { registry, host, image, writeTo, signal } = options;
  const known = findProfile(host);
  const facts = {
    registry: host,
    profile: known === undefined ? undefined : { name: known.name, notes: known.notes },
    ceiling: options.ceiling,
    refusal: undefined,
    blobOrigin: undefined,
    ranges: undefined,
    write: undefined,
  };
  try {
    await registry.ping(host, { signal });
    const blob = image === undefined ? undefined : await findBlob(registry, image, signal);
    const reading =
      image === undefined || blob === undefined
        ? {}
        : await probeRange(registry, image, { blob, signal });
    const mounted =
      image === undefined || blob === undefined
        ? undefined
        : { from: image.repository, digest: blob.digest };
    const write =
      writeTo === undefined
        ? undefined
        : await probeWriting(registry, writeTo, {
            ...(mounted === undefined ? {} : { mounted }),
            signal,
          });
    return { ...facts, ...reading, write, quota: options.quota() };
  } catch (error) {
    return { ...facts, refusal: describe(error, signal), quota: options.quota() };
  }
}

/** The smallest blob of an image, of an index's first image where it has several. */
async function findBlob(
  registry: Registry,
  image: Reference,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  let descriptor = await registry.resolve(image, { signal });
  for (let depth = 0; depth < 3; depth += 1) {
    const { bytes } = await registry.manifest(image, descriptor, { signal });
    const document = parseManifest(bytes, descriptor.mediaType);
    if (document.kind === 'manifest') {
      const blobs = [document.config, ...document.layers].filter(({ size }) => size > 1);
      return blobs.toSorted((a, b) => a.size - b.size)[0];
    }
    const [first] = document.manifests;
    if (first === undefined) return undefined;
    descriptor = first;
  }
  return undefined;
}

async function probeRange(
  registry: Registry,
  image: Reference,
  { blob, signal }: { readonly blob: Descriptor; readonly signal: AbortSignal },
): Promise<Pick<RegistryFacts, 'ranges' | 'blobOrigin'>> {
  const stream = await registry.openBlob(image, blob, { start: 1, signal });
  stream.cancel();
  return { ranges: stream.ranged, blobOrigin: stream.origin };
}

interface WriteProbe {
  /** A blob of another repository. */
  readonly mounted?: { readonly from: string; readonly digest: Descriptor['digest'] };
  readonly signal: AbortSignal;
}

async function probeWriting(
  registry: RegistryUploads,
  to: RepositoryAddress,
  { mounted, signal }: WriteProbe,
): Promise<WriteFacts> {
  const facts = {
    repository: `${to.registry}/${to.repository}`,
    chunks: undefined,
    mounts: undefined,
  };
  try {
    await upload(registry, to, { signal });
  } catch (error) {
    return { ...facts, refusal: describe(error, signal) };
  }
  const chunks = await upload(registry, to, { chunkBytes: CHUNK_BYTES, signal }).then(
    () => true,
    () => false,
  );
  const mounts =
    mounted === undefined ? undefined : await tryMount(registry, to, { mounted, signal });
  return { ...facts, refusal: undefined, chunks, mounts };
}

const CHUNK_BYTES = 16;

async function upload(
  registry: RegistryUploads,
  to: RepositoryAddress,
  { chunkBytes, signal }: { readonly chunkBytes?: number; readonly signal: AbortSignal },
): Promise<void> {
  const bytes = randomBytes(3 * CHUNK_BYTES);
  const body: BlobBody = {
    async *read(start, end) {
      yield Buffer.from(bytes.subarray(start, end));
    },
  };
  const descriptor = {
    mediaType: MEDIA_TYPES.ociLayer,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  };
  const session = await registry.startUpload(to, { signal });
  try {
    await registry.uploadBlob(session, descriptor, { body, chunkBytes, signal });
  } catch (error) {
    await registry.deleteUpload(session);
    throw error;
  }
}

/** `undefined` where the source is the repository itself, and a mount says nothing. */
async function tryMount(
  registry: RegistryUploads,
  to: RepositoryAddress,
  { mounted, signal }: Required<WriteProbe>,
): Promise<boolean | undefined> {
  const { from, digest } = mounted;
  if (from === to.repository) return undefined;
  try {
    const answer = await registry.mountBlob(to, digest, { from, signal });
    if (answer === 'mounted') return true;
    await registry.deleteUpload(answer);
    return false;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function describe(error: unknown, signal: AbortSignal): NonNullable<RegistryFacts['refusal']> {
  signal.throwIfAborted();
  if (!isLongshoreError(error)) throw error;
  return { text: error.message, hint: error.hint };
}
