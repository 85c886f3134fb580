import type { Descriptor } from '../../image/index.ts';
import type { Store, StoredReference } from '../../store/index.ts';

/**
 * The store as builders see it: its blobs, and names that live in memory only. What is pushed is
 * there at once, complete and verified, but under no name until the run gives it one.
 */
export class LandingStore {
  readonly #names = new Map<string, Descriptor>();
  readonly #store: Store;
  #failure: unknown;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Why the store could not take something in, since `takeFailure` was last asked. */
  takeFailure(): unknown {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  asStore(): Store {
    const store = this.#store;
    const names = this.#names;
    const remember = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    };
    return {
      path: store.path,
      get isNew() {
        return store.isNew;
      },
      has: (descriptor) => store.has(descriptor),
      async stat(digest) {
        const size = await store.stat(digest);
        // A blob that a push relies on without sending it is marked as used, so that no prune takes it.
        if (size === undefined || !(await store.has({ digest, size }))) return undefined;
        return size;
      },
      blobPath: (digest) => store.blobPath(digest),
      open: (digest, options) => store.open(digest, options),
      read: (digest, maxBytes) => store.read(digest, maxBytes),
      put: (mediaType, bytes) => remember(() => store.put(mediaType, bytes)),
      claim: (name, signal) => store.claim(name, signal),
      partialBytes: (digest) => store.partialBytes(digest),
      ingest: (descriptor, options) => store.ingest(descriptor, options),
      follow: (blob, signal) => store.follow(blob, signal),
      async upload() {
        const upload = await remember(() => store.upload());
        return {
          id: upload.id,
          get offset() {
            return upload.offset;
          },
          // Writes block, or do not: either way what they throw is kept.
          write: (chunk) => remember(async () => upload.write(chunk)),
          commit: (digest) => remember(() => upload.commit(digest)),
          abort: () => upload.abort(),
        };
      },
      setReference: async (name, descriptor) => void names.set(name, descriptor),
      getReference: async (name) => names.get(name),
      deleteReference: async (name) => names.delete(name),
      touchReference: async (name) => names.has(name),
      references: async () => Array.from(names, toReference),
      space: () => store.space(),
      close: async () => {},
    };
  }
}

function toReference([name, descriptor]: [string, Descriptor]): StoredReference {
  return { name, descriptor };
}
