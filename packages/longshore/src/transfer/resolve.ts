import { isLongshoreError, LongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type Index,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  manifestBlobs,
  type Platform,
  parseManifest,
  type Reference,
  readDescriptor,
  selectPlatform,
} from '../image/index.ts';
import type { Registry } from '../registry/index.ts';
import type { Store } from '../store/index.ts';

/** Deeper nesting of indexes is refused: nobody builds it, and it is how a registry could feed us for ever. */
const MAX_INDEX_DEPTH = 4;
/** More manifests below one reference are refused. */
const MAX_MANIFESTS = 1000;

/** A reference and everything below it, manifests read and verified, blobs known. */
export interface ResolvedImage {
  readonly reference: Reference;
  /** The whole name, under which the store keeps it. */
  readonly name: string;
  /** What the name will point to: the manifest of the platform, or the index for all platforms. */
  readonly descriptor: Descriptor;
  /** What the name led to: the same, or an index above it. */
  readonly root: Descriptor;
  readonly platform?: Platform;
  /** Configs and layers, in order. */
  readonly blobs: readonly Descriptor[];
  readonly layers: readonly Descriptor[];
}

/** What resolving needs of a store; `put` only where `keep` is set. */
export type ManifestStore = Pick<Store, 'has' | 'stat' | 'read' | 'put' | 'isNew'>;

/** For who only looks: no store is made, and all is asked for. */
export const NOTHING_HELD: ManifestStore = {
  has: async () => false,
  stat: async () => undefined,
  read: () => Promise.reject(new Error('nothing is held')),
  put: () => Promise.reject(new Error('nothing is kept')),
  isNew: true,
};

export interface ResolveOptions {
  readonly store: ManifestStore;
  readonly registry: Registry;
  readonly platform: Platform | 'all';
  /** Keep manifests in the store as they come. Off for a dry run. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
}

/**
 * Finds out what a reference is made of. A manifest that the store holds is not asked for again, and
 * a reference by digest that is held needs no request at all.
 * @throws LongshoreError what the registry throws; `ERR_PLATFORM_NOT_FOUND`, `ERR_INDEX_TOO_DEEP`,
 *   `ERR_MANIFEST_INVALID` and its kin
 */
export async function resolveImage(
  reference: Reference,
  options: ResolveOptions,
): Promise<ResolvedImage> {
  const { store, registry, signal } = options;
  // Where nothing can be held, one request for name and manifest in place of two. Elsewhere the HEAD
  // may save the GET, which is what Docker Hub counts.
  const top =
    (await heldManifest(reference, store)) ??
    (await registry.resolve(reference, { signal, manifestToo: store.isNew }));
  const walk = createWalk(reference, options);
  const found = await walk(top, 0);
  const platform = found.descriptor.platform;
  return {
    reference,
    name: formatReference(reference),
    descriptor: found.descriptor,
    root: top,
    ...(platform === undefined ? {} : { platform }),
    blobs: found.manifests.flatMap(manifestBlobs),
    layers: found.manifests.flatMap(({ layers }) => layers),
  };
}

interface Found {
  readonly descriptor: Descriptor;
  readonly manifests: readonly Manifest[];
}

function createWalk(reference: Reference, options: ResolveOptions) {
  let budget = MAX_MANIFESTS;

  return async function walk(descriptor: Descriptor, depth: number): Promise<Found> {
    budget -= 1;
    if (depth > MAX_INDEX_DEPTH || budget < 0) throw tooDeep(reference);
    const document = await readManifest(reference, descriptor, options);
    if (document.kind === 'manifest') return { descriptor, manifests: [document] };
    if (options.platform !== 'all') {
      return walk(choose(reference, document, options.platform), depth + 1);
    }
    const children: Found[] = [];
    for (const child of document.manifests) {
      if (isIndexType(child.mediaType) || isManifestType(child.mediaType)) {
        children.push(await walk(child, depth + 1));
      }
    }
    const other = document.manifests.filter(
      ({ mediaType }) => !isIndexType(mediaType) && !isManifestType(mediaType),
    );
    return {
      descriptor,
      manifests: [...children.flatMap(({ manifests }) => manifests), ...asManifests(other)],
    };
  };
}

/** Entries of an index that are neither images nor indexes are kept as plain blobs. */
function asManifests(blobs: readonly Descriptor[]): Manifest[] {
  return blobs.map((config) => ({
    kind: 'manifest',
    mediaType: config.mediaType,
    config,
    layers: [],
  }));
}

function choose(reference: Reference, index: Index, platform: Platform): Descriptor {
  const chosen = selectPlatform(index.manifests, platform) ?? onlyEntry(index);
  if (chosen !== undefined) return chosen;
  const offered = index.manifests
    .flatMap((entry) => (entry.platform === undefined ? [] : [formatPlatform(entry.platform)]))
    .filter((name) => !name.startsWith('unknown'));
  throw new LongshoreError(
    `${formatReference(reference)} has no image for ${formatPlatform(platform)}`,
    {
      code: 'ERR_PLATFORM_NOT_FOUND',
      origin: 'registry',
      hint:
        offered.length === 0
          ? 'Its index names no platforms; --platform all takes everything'
          : `It offers ${[...new Set(offered)].slice(0, 12).join(', ')}; choose with --platform`,
    },
  );
}

/** An index of one entry that names no platform leaves nothing to choose. */
function onlyEntry(index: Index): Descriptor | undefined {
  const [first, ...others] = index.manifests;
  return others.length === 0 && first?.platform === undefined ? first : undefined;
}

async function readManifest(
  reference: Reference,
  descriptor: Descriptor,
  { store, registry, keep, signal }: ResolveOptions,
): Promise<Manifest | Index> {
  const held = await heldBytes(descriptor, store);
  const bytes = held ?? (await registry.manifest(reference, descriptor, { signal })).bytes;
  const document = parseManifest(bytes, descriptor.mediaType);
  if (held === undefined && keep) await store.put(descriptor.mediaType, bytes);
  return document;
}

/** What the store holds of a manifest. */
async function heldBytes(
  descriptor: Descriptor,
  store: ManifestStore,
): Promise<Uint8Array | undefined> {
  if (descriptor.size > MAX_MANIFEST_BYTES || !(await store.has(descriptor))) return undefined;
  return readHeld(descriptor.digest, store);
}

/** Reading verifies the digest: what is damaged counts as not held, and is fetched and written anew. */
async function readHeld(digest: Digest, store: ManifestStore): Promise<Uint8Array | undefined> {
  try {
    return await store.read(digest, MAX_MANIFEST_BYTES);
  } catch (error) {
    if (isLongshoreError(error) && error.code === 'ERR_BLOB_DAMAGED') return undefined;
    throw error;
  }
}

async function heldManifest(
  reference: Reference,
  store: ManifestStore,
): Promise<Descriptor | undefined> {
  const { digest } = reference;
  const size = digest === undefined ? undefined : await store.stat(digest);
  if (digest === undefined || size === undefined || size > MAX_MANIFEST_BYTES) return undefined;
  const bytes = await readHeld(digest, store);
  if (bytes === undefined) return undefined;
  const { mediaType } = parseManifest(bytes);
  return readDescriptor({ mediaType, digest, size }, formatReference(reference));
}

function tooDeep(reference: Reference): LongshoreError {
  return new LongshoreError(
    `${formatReference(reference)} nests more indexes than ${MAX_INDEX_DEPTH}, or has more than ${MAX_MANIFESTS} manifests`,
    { code: 'ERR_INDEX_TOO_DEEP', origin: 'registry' },
  );
}
