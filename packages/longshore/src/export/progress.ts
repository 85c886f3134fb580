import type { ExportListener } from './events.ts';

const INTERVAL_MS = 250;

/** Counts bytes of the two readings and tells of them a few times a second. */
export class Progress {
  readonly #listener: ExportListener | undefined;
  #phase: 'index' | 'write' = 'index';
  #done = 0;
  #total: number | undefined;
  #toldAt = 0;

  constructor(listener: ExportListener | undefined) {
    this.#listener = listener;
  }

  startIndexing(): (bytes: number) => void {
    return (bytes) => this.#add(bytes);
  }

  /** From here on bytes are counted anew, against those of the first reading. */
  startWriting(): (bytes: number) => void {
    this.#total = this.#done;
    this.#done = 0;
    this.#phase = 'write';
    return (bytes) => this.#add(bytes);
  }

  #add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (this.#listener === undefined || now - this.#toldAt < INTERVAL_MS) return;
    this.#toldAt = now;
    this.#listener({
      type: 'export.progress',
      phase: this.#phase,
      doneBytes: this.#done,
      totalBytes: this.#total,
    });
  }
}
