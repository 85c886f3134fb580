import { createFlights } from '../../concurrency/index.ts';
import { LongshoreError } from '../../errors.ts';
import { type ExportImage, indexLayers, loadImage, storeLayers } from '../../export/index.ts';
import {
  type Descriptor,
  formatPlatform,
  ociTwin,
  type Platform,
  parseManifest,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import type { BaseFiles } from './stageTree.ts';

/** An image of the store that a stage starts from, or that `COPY --from` reads. */
export interface BaseImage {
  readonly image: ExportImage;
  /** Its layers under OCI's media types. */
  readonly layers: readonly Descriptor[];
  /** Its file system's names; read from all layers on first use. */
  files(signal: AbortSignal): Promise<BaseFiles>;
}

/** How many images' names are kept: a hundred targets share few bases, and each may have megabytes. */
const MAX_KEPT = 8;

/** Base images by digest, each read and indexed once for all that are built from it. */
export class BaseImages {
  readonly #store: Store;
  readonly #known = new Map<string, Promise<BaseImage>>();
  readonly #readings = createFlights<BaseFiles>();

  constructor(store: Store) {
    this.#store = store;
  }

  open(descriptor: Descriptor, platform: Platform, name: string): Promise<BaseImage> {
    const key = `${descriptor.digest} ${formatPlatform(platform)}`;
    const known = this.#known.get(key);
    this.#known.delete(key);
    const opened = known ?? this.#load(descriptor, platform, name);
    this.#known.set(key, opened);
    opened.catch(() => {
      if (this.#known.get(key) === opened) this.#known.delete(key);
    });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KEPT) break;
      this.#known.delete(oldest);
    }
    return opened;
  }

  async #load(descriptor: Descriptor, platform: Platform, reference: string): Promise<BaseImage> {
    const image = await loadImage(this.#store, descriptor, { platform, reference });
    const twin = ociTwin(image.manifestBytes, image.manifest.mediaType);
    const manifest = parseManifest(twin.bytes, twin.mediaType);
    const layers = manifest.kind === 'manifest' ? manifest.layers : [];
    for (const layer of layers) {
      if (!(await this.#store.has(layer))) throw incomplete(reference, layer);
    }
    let files: BaseFiles | undefined;
    return {
      image,
      layers,
      files: async (signal) => {
        // One build that is called off must not take the others' base away.
        const read = async (shared: AbortSignal): Promise<BaseFiles> => this.#index(image, shared);
        files ??= await this.#readings.join(image.descriptor.digest, read, signal);
        return files;
      },
    };
  }

  async #index(image: ExportImage, signal: AbortSignal): Promise<BaseFiles> {
    const layers = storeLayers(this.#store, image);
    return { tree: await indexLayers(layers, { signal }), layers };
  }
}

function incomplete(reference: string, layer: Descriptor): LongshoreError {
  return new LongshoreError(`The base image ${reference} lacks its layer ${layer.digest}`, {
    code: 'ERR_BLOB_NOT_FOUND',
    origin: 'store',
    hint: `Pull it again: longshore pull ${reference}`,
  });
}
