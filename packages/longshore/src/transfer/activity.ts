import type { Descriptor } from '../image/index.ts';
import type { ActiveBlob } from './events.ts';
import { Meter } from './meter.ts';

/** One blob on its way, as the progress view sees it. */
export class BlobActivity {
  readonly descriptor: Descriptor;
  readonly label: string;
  state: ActiveBlob['state'] = 'moving';
  doneBytes: number;
  readonly #plannedFrom: number;
  readonly #meter: Meter;

  constructor(blob: { descriptor: Descriptor; label: string; partialBytes: number }, now: number) {
    this.descriptor = blob.descriptor;
    this.label = blob.label;
    this.doneBytes = blob.partialBytes;
    this.#plannedFrom = blob.partialBytes;
    this.#meter = new Meter(now);
  }

  /** Of the bytes that the plan wanted fetched, how many are there, whoever brought them. */
  get plannedBytesDone(): number {
    return Math.max(0, this.doneBytes - this.#plannedFrom);
  }

  moved(bytes: number): void {
    this.doneBytes += bytes;
    this.#meter.add(bytes);
  }

  row(now: number): ActiveBlob {
    const bytesPerSecond = this.#meter.sample(now);
    const { digest, size } = this.descriptor;
    const { doneBytes, state, label } = this;
    return { digest, size, doneBytes, bytesPerSecond, state, label };
  }
}
