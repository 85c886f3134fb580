import { isLongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from '../image/index.ts';
import type { Store, StoredReference } from './types.ts';

/** What a manifest or an index points to. */
export interface Children {
  /** Without these the image is not complete. */
  readonly required: readonly Descriptor[];
  /**
   * Kept when they are there: other platforms of an index, the subject of an attached artifact, layers
   * that come from elsewhere.
   */
  readonly optional: readonly Descriptor[];
  /** Why it could not be read, when it is there but is not what it should be. */
  readonly invalid: string | undefined;
}

const NONE: Children = { required: [], optional: [], invalid: undefined };

/** What points to what in a store. Each manifest is read once, however many references share it. */
export class ContentGraph {
  readonly #store: Pick<Store, 'read'>;
  readonly #known = new Map<Digest, Promise<Children>>();

  constructor(store: Pick<Store, 'read'>) {
    this.#store = store;
  }

  /** Children of a descriptor; none for what is not a manifest, or is not there. */
  children(descriptor: Descriptor): Promise<Children> {
    const { mediaType, digest } = descriptor;
    if (!isIndexType(mediaType) && !isManifestType(mediaType)) return Promise.resolve(NONE);
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const children = this.#read(descriptor);
    this.#known.set(digest, children);
    return children;
  }

  /** Everything that can be reached, the root included, by digest. */
  async reach(
    root: Descriptor,
    into: Map<Digest, Descriptor> = new Map(),
  ): Promise<Map<Digest, Descriptor>> {
    const queue = [root];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (into.has(next.digest)) continue;
      into.set(next.digest, next);
      const { required, optional } = await this.children(next);
      queue.push(...required, ...optional);
    }
    return into;
  }

  /**
   * Everything that a reference needs, its twin for other tools included, and the index that it was
   * found by: that alone, as the other platforms in it were not asked for.
   */
  async reachReference(
    { descriptor, twin, root }: Pick<StoredReference, 'descriptor' | 'twin' | 'root'>,
    into: Map<Digest, Descriptor> = new Map(),
  ): Promise<Map<Digest, Descriptor>> {
    await this.reach(descriptor, into);
    if (root !== undefined && !into.has(root.digest)) into.set(root.digest, root);
    return twin === undefined ? into : this.reach(twin, into);
  }

  async #read({ digest, mediaType }: Descriptor): Promise<Children> {
    let bytes: Buffer;
    try {
      bytes = await this.#store.read(digest, MAX_MANIFEST_BYTES);
    } catch (error) {
      // Damaged ones are found by hashing, missing ones by asking; neither has children to tell.
      const expected = ['ERR_BLOB_NOT_FOUND', 'ERR_BLOB_DAMAGED', 'ERR_BLOB_TOO_LARGE'];
      if (isLongshoreError(error) && expected.includes(error.code)) return NONE;
      throw error;
    }
    try {
      return split(parseManifest(bytes, mediaType));
    } catch (error) {
      if (!isLongshoreError(error)) throw error;
      return { ...NONE, invalid: error.message };
    }
  }
}

function split(manifest: ReturnType<typeof parseManifest>): Children {
  const subject = manifest.subject === undefined ? [] : [manifest.subject];
  if (manifest.kind === 'index') {
    return { required: [], optional: [...manifest.manifests, ...subject], invalid: undefined };
  }
  const isForeign = (layer: Descriptor): boolean => (layer.urls?.length ?? 0) > 0;
  return {
    required: [manifest.config, ...manifest.layers.filter((layer) => !isForeign(layer))],
    optional: [...manifest.layers.filter(isForeign), ...subject],
    invalid: undefined,
  };
}
