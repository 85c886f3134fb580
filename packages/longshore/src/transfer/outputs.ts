import type { Store } from '../store/index.ts';
import type { EventListener } from './events.ts';
import { shortName } from './imageRecord.ts';
import type { ImageSink, SinkContext, StoredImage } from './sinks/sink.ts';

export interface OutputsOptions {
  readonly store: Store;
  readonly sinks: readonly ImageSink[];
  readonly now: () => number;
  readonly emit: EventListener;
  /** Everything stops at once. */
  readonly signal: AbortSignal;
}

/** The sinks of a run: what is begun there before an image is whole, what it is given, how far it is. */
export class Outputs {
  readonly #options: OutputsOptions;
  /** By place in the input. */
  readonly #expected = new Map<number, AbortController>();
  readonly #early: Promise<void>[] = [];

  constructor(options: OutputsOptions) {
    this.#options = options;
  }

  /** The image's blobs are about to come. */
  expect(place: number, image: StoredImage): void {
    const { store, sinks, signal } = this.#options;
    const willNotCome = new AbortController();
    this.#expected.set(place, willNotCome);
    const context = { store, signal: AbortSignal.any([signal, willNotCome.signal]) };
    for (const sink of sinks) {
      const early = sink.expect?.(image, context);
      if (early !== undefined) this.#early.push(early);
    }
  }

  /** They will not come after all. */
  withdraw(place: number): void {
    this.#expected.get(place)?.abort();
    this.#expected.delete(place);
  }

  /** Gives a whole image to those sinks that have a queue of their own, or to the others. */
  async give(place: number, image: StoredImage, queues: boolean): Promise<void> {
    for (const sink of this.#options.sinks) {
      if ((sink.queues ?? false) !== queues) continue;
      await sink.add(image, this.#contextOf(place, image, sink));
      this.#options.emit({ type: 'output.done', ...this.#about(place, image, sink) });
    }
  }

  /** Nothing more comes; settles when nothing that was begun early runs any more. */
  async end(): Promise<void> {
    for (const place of this.#expected.keys()) this.withdraw(place);
    await Promise.all(this.#early);
  }

  #contextOf(place: number, image: StoredImage, sink: ImageSink): SinkContext {
    const { store, signal, emit } = this.#options;
    return {
      store,
      signal,
      onProgress: ({ step, doneBytes, totalBytes }) =>
        emit({
          type: 'output.progress',
          ...this.#about(place, image, sink),
          label: shortName(image.name),
          step,
          doneBytes,
          ...(totalBytes === undefined ? {} : { totalBytes }),
        }),
    };
  }

  #about(
    image: number,
    { name: reference }: StoredImage,
    { name: output }: ImageSink,
  ): { at: number; image: number; reference: string; output: string } {
    return { at: this.#options.now(), image, reference, output };
  }
}
