import type { Digest } from '../../image/index.ts';
import type { Ingest, Store } from '../../store/index.ts';

/** Writes blobs that come one after the other into a store; those that it has are passed over. */
export class BlobSink {
  readonly #store: Pick<Store, 'ingest'>;
  readonly #signal: AbortSignal | undefined;
  #ingest: Ingest | undefined;
  #offset = 0;
  added = 0;
  present = 0;

  constructor(store: Pick<Store, 'ingest'>, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
  }

  /** Ends the blob before and starts the next; without a digest, what follows is no blob. */
  async begin(digest: Digest | undefined, size: number): Promise<void> {
    await this.end();
    if (digest === undefined) return;
    const descriptor = { mediaType: 'application/octet-stream', digest, size };
    this.#ingest = await this.#store.ingest(descriptor, { signal: this.#signal });
    this.#offset = 0;
    if (this.#ingest === undefined) this.present++;
    else this.added++;
  }

  async write(chunk: Buffer): Promise<void> {
    const ingest = this.#ingest;
    if (ingest === undefined) return;
    ingest.signal.throwIfAborted();
    const from = this.#offset;
    this.#offset += chunk.length;
    // An earlier, unfinished import may have left parts of it.
    for (const range of ingest.missing()) {
      const start = Math.max(from, range.start);
      const end = Math.min(this.#offset, range.end);
      if (start < end) await ingest.write(start, chunk.subarray(start - from, end - from));
    }
  }

  async end(): Promise<void> {
    const ingest = this.#ingest;
    this.#ingest = undefined;
    await ingest?.commit();
  }

  /** Lets go of a blob in the middle; what is there of it serves the next attempt. */
  async giveUp(): Promise<void> {
    const ingest = this.#ingest;
    this.#ingest = undefined;
    await ingest?.release();
  }
}
