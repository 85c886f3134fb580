import type { BlobActivity } from './activity.ts';
import type { EventListener } from './events.ts';
import { estimateRemainingMs, Meter } from './meter.ts';

/** Ten times a second is as often as a terminal is worth drawing. */
const TICK_MS = 100;

export interface ProgressOptions {
  readonly now: () => number;
  readonly emit: EventListener;
  readonly totalBytes: () => number;
  readonly blobs: () => number;
  readonly width: () => number;
  readonly images: () => { total: number; done: number; failed: number };
}

/** Turns bytes that move into `progress` events at a steady pace. Ticks until disposed. */
export class ProgressTicker implements Disposable {
  readonly active: Set<BlobActivity> = new Set();
  readonly #options: ProgressOptions;
  readonly #meter: Meter;
  readonly #startedAt: number;
  readonly #timer: NodeJS.Timeout;
  #blobsDone = 0;
  #bytesDone = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#meter = new Meter(this.#startedAt);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get fetchedBytes(): number {
    return this.#meter.bytes;
  }

  moved(bytes: number): void {
    this.#meter.add(bytes);
  }

  /** @param plannedBytes what the plan wanted fetched of it, whoever fetched it in the end */
  blobDone(plannedBytes: number): void {
    this.#blobsDone += 1;
    this.#bytesDone += plannedBytes;
  }

  /** Tells the last state once more, so that every view ends on the truth. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#tick();
  }

  #tick(): void {
    const { now, emit, totalBytes, blobs, width, images } = this.#options;
    const at = now();
    const bytesPerSecond = this.#meter.sample(at);
    let doneBytes = this.#bytesDone;
    const total = totalBytes();
    for (const blob of this.active) doneBytes += blob.plannedBytesDone;
    emit({
      type: 'progress',
      at,
      elapsedMs: at - this.#startedAt,
      doneBytes,
      totalBytes: total,
      bytesPerSecond,
      etaMs: estimateRemainingMs(total - doneBytes, bytesPerSecond),
      images: images(),
      blobs: { total: blobs(), done: this.#blobsDone },
      width: width(),
      active: Array.from(this.active, (blob) => blob.row(at)),
    });
  }
}
