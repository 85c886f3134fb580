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

/** How far a sink is with one image. */
export interface SinkProgress {
  /** `read` what there is before anything can be written, then `write`. */
  readonly step: 'read' | 'write';
  /** Bytes of the image, unpacked. */
  readonly doneBytes: number;
  /** Known once it has been read. */
  readonly totalBytes: number | undefined;
}

export interface SinkContext {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** To be called at the start of each image, and a few times a second by sinks that take long. */
  readonly onProgress?: ((progress: SinkProgress) => void) | undefined;
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
  add(image: StoredImage, context: SinkContext): Promise<void>;
  /**
   * Told of an image that is about to come: its manifest is in the store, its blobs are on their way
   * (see `Store.follow`). Work may begin early; what comes of it is told by `add`, which follows only
   * when all blobs are there. Settles when nothing of it runs any more, and never rejects.
   * @param context its signal is aborted when the image will not come
   */
  expect?(image: StoredImage, context: Pick<SinkContext, 'store' | 'signal'>): Promise<void>;
}
