import { createLimiter, onAbort, type Permit } from '../concurrency/index.ts';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../image/index.ts';
import type { Store } from '../store/index.ts';
import type { StoredImage } from '../transfer/index.ts';
import type { ExportEvent } from './events.ts';
import { loadImage } from './image.ts';
import { type IndexedImage, indexImage } from './indexImage.ts';
import type { LayerLimits } from './layer/limits.ts';

/** Images whose headers are held before their conversion begins. */
const IMAGES_AHEAD = 2;
/** With more entries, or longer names, an image is read when its turn comes: some 60 MB each. */
const LARGEST_AHEAD = { maxEntries: 250_000, maxNameBytes: 32 * 1024 ** 2 } as const;
/** Most of them wait for the network; each takes a megabyte. */
const LAYERS_AT_ONCE = 8;

export interface IndexAheadOptions {
  readonly limits?: LayerLimits | undefined;
  readonly onEvent?: ((image: StoredImage, event: ExportEvent) => void) | undefined;
}

interface Job {
  readonly indexed: Promise<IndexedImage | undefined>;
  readonly stop: AbortController;
  permit: Permit | undefined;
}

type Context = { readonly store: Store; readonly signal: AbortSignal };

/**
 * Indexes layers while they download, each as far as it has come in order. It decides nothing: what
 * it has found is used only for an image whose blobs were all verified since, and only where every
 * layer was read to its verified end. Whatever else happens, the image is read anew when its turn comes,
 * so that all errors are about bytes that were verified.
 */
export class IndexAhead {
  readonly #options: IndexAheadOptions;
  readonly #limiter = createLimiter({ name: 'images indexed ahead', width: IMAGES_AHEAD });
  readonly #jobs = new Map<string, Job>();

  constructor(options: IndexAheadOptions) {
    this.#options = options;
  }

  /** Begins with an image whose blobs are on their way. Settles when it is done with it; never rejects. */
  async expect(image: StoredImage, context: Context): Promise<void> {
    if (this.#jobs.has(image.name)) return;
    const stop = new AbortController();
    const signal = AbortSignal.any([context.signal, stop.signal]);
    const { promise, resolve } = Promise.withResolvers<IndexedImage | undefined>();
    const job: Job = { indexed: promise, stop, permit: undefined };
    this.#jobs.set(image.name, job);
    onAbort(context.signal, () => this.drop(image));
    try {
      resolve(await this.#index(image, job, { store: context.store, signal }));
    } catch {
      resolve(undefined);
      job.permit?.release();
    }
  }

  /** What was found of an image that is whole by now; `undefined` where it has to be read. */
  async take({ name }: StoredImage): Promise<IndexedImage | undefined> {
    const job = this.#jobs.get(name);
    if (job === undefined) return undefined;
    this.#jobs.delete(name);
    // Nothing was read yet: reading it now, ahead of others, is what the caller does better.
    if (job.permit === undefined) job.stop.abort();
    try {
      return await job.indexed;
    } finally {
      job.permit?.release();
    }
  }

  /** Nothing of it is wanted any more. */
  drop({ name }: StoredImage): void {
    const job = this.#jobs.get(name);
    this.#jobs.delete(name);
    job?.stop.abort();
    job?.permit?.release();
  }

  async #index(
    image: StoredImage,
    job: Job,
    { store, signal }: Context,
  ): Promise<IndexedImage | undefined> {
    const { limits, onEvent } = this.#options;
    const manifest = await readManifest(store, image);
    if (manifest === undefined) return undefined;
    const bytes = manifest.layers.reduce((sum, { size }) => sum + size, 0);
    job.permit = await this.#limiter.acquire({ bytes, label: image.name, signal });
    for await (const _ of store.follow(manifest.config, signal));
    const { config } = await loadImage(store, image.descriptor);
    const sources = manifest.layers.map((descriptor, i) => ({
      descriptor,
      diffId: config.diffIds[i],
      open: async (stopReading?: AbortSignal) => store.follow(descriptor, stopReading),
    }));
    return indexImage(sources, {
      limits: smaller(limits, LARGEST_AHEAD),
      width: LAYERS_AT_ONCE,
      onEvent: (event) => onEvent?.(image, event),
      signal,
    });
  }
}

async function readManifest(
  store: Store,
  { descriptor }: StoredImage,
): Promise<Manifest | undefined> {
  const bytes = await store.read(descriptor.digest, MAX_MANIFEST_BYTES);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  return manifest.kind === 'manifest' ? manifest : undefined;
}

function smaller(limits: LayerLimits = {}, most: typeof LARGEST_AHEAD): LayerLimits {
  return {
    ...limits,
    maxEntries: Math.min(limits.maxEntries ?? most.maxEntries, most.maxEntries),
    maxNameBytes: Math.min(limits.maxNameBytes ?? most.maxNameBytes, most.maxNameBytes),
  };
}
