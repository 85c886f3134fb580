/** How much new data is worth a sync and a record, by default. */
export const CHECKPOINT_BYTES: number = 64 * 1024 * 1024;
/** Keeps `state.json` of very large blobs short. */
const MAX_CHECKPOINTS = 512;
/**
 * With room for a sync, so much is handed to the disk in the meantime, without a record: what is left
 * for the end is what a pull waits for. Smaller steps, and records for them, keep the disk busy with
 * flushes (docs/adr/0021).
 */
const WRITE_BEHIND_BYTES = 16 * 1024 * 1024;
/** On slow links a checkpoint comes by time, once it is worth its sync. */
const CHECKPOINT_MS = 30_000;
const MIN_CHECKPOINT_BYTES = 4 * 1024 * 1024;

export interface SyncPaceOptions {
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /** New bytes that are worth a record. @defaultValue {@link CHECKPOINT_BYTES} */
  readonly checkpointBytes: number;
  readonly nowMs: number;
}

/** Decides when a blob that grows is handed to the disk, and when that is put on record. */
export class SyncPace {
  readonly #checkpointBytes: number;
  #unsyncedBytes = 0;
  #unrecordedBytes = 0;
  #recordedAtMs: number;

  constructor({ size, checkpointBytes, nowMs }: SyncPaceOptions) {
    this.#checkpointBytes = Math.max(checkpointBytes, size / MAX_CHECKPOINTS);
    this.#recordedAtMs = nowMs;
  }

  landed(bytes: number): void {
    this.#unsyncedBytes += bytes;
    this.#unrecordedBytes += bytes;
  }

  /** What to begin now; taken as begun. @param hasRoom whether a sync would start at once */
  next(nowMs: number, hasRoom: boolean): 'checkpoint' | 'sync' | undefined {
    const isLate =
      this.#unrecordedBytes >= MIN_CHECKPOINT_BYTES && nowMs - this.#recordedAtMs > CHECKPOINT_MS;
    if (isLate || this.#unrecordedBytes >= this.#checkpointBytes) {
      this.#unsyncedBytes = 0;
      this.#unrecordedBytes = 0;
      this.#recordedAtMs = nowMs;
      return 'checkpoint';
    }
    if (!hasRoom || this.#unsyncedBytes < WRITE_BEHIND_BYTES) return undefined;
    this.#unsyncedBytes = 0;
    return 'sync';
  }
}
