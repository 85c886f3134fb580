import type { Descriptor } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';

/** An image that is whole in the store. */
export interface StoredImage {
  /** The whole name, as the store keeps it. */
  readonly name: string;
  readonly descriptor: Descriptor;
  /** What the name led to, where that is not the image itself but an index above it. */
  readonly root?: Descriptor | undefined;
}

/** Where images go beyond the store: `--to`. One sink takes all images of a run. */
export interface ImageSink {
  /** For errors and reports: `oci:DIR`. */
  readonly name: string;
  /**
   * Whether it has a queue of its own and chooses what is next; it is then given each image at once.
   * @defaultValue false: it gets a few at a time, in the order in which they are whole
   */
  readonly queues?: boolean | undefined;
  /**
   * Takes one image; several calls may be under way at once. What it throws fails that image.
   * Running it again for the same image is harmless.
   */
  add(image: StoredImage, context: { store: Store; signal: AbortSignal }): Promise<void>;
}
