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
    this.#tell();
    return (bytes) => this.#add(bytes);
  }

  /** What the first reading has counted. */
  knows(totalBytes: number): void {
    this.#total = totalBytes;
  }

  /** From here on bytes are counted anew, against those of the first reading. */
  startWriting(): (bytes: number) => void {
    this.#done = 0;
    this.#phase = 'write';
    this.#tell();
    return (bytes) => this.#add(bytes);
  }

  /** Nothing more is read; lost files at the ends of layers never were. */
  allWritten(): void {
    this.#done = this.#total ?? this.#done;
    this.#tell();
  }

  #add(bytes: number): void {
    this.#done += bytes;
    if (performance.now() - this.#toldAt >= INTERVAL_MS) this.#tell();
  }

  #tell(): void {
    this.#toldAt = performance.now();
    this.#listener?.({
      type: 'export.progress',
      phase: this.#phase,
      doneBytes: this.#done,
      totalBytes: this.#total,
    });
  }
}
