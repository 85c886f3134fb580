/** Plain text of a TLS record at most (RFC 8446, 5.1). */
export const TLS_RECORD_BYTES: number = 16 * 1024;
/**
 * Hashing and writing 16 KiB at a time costs a third more. One buffer for each connection does not
 * stay in a core's cache: up to 8 % of the time (docs/adr/0024).
 */
const BUFFER_BYTES = 256 * 1024;

/** Whose records are put side by side. */
export interface RecordOwner {
  /** Gets what was gathered. False to keep its memory until that is given back by `free`. */
  take(gathered: Buffer<ArrayBuffer>): boolean;
}

/**
 * Puts records that come in one turn of the event loop side by side, for all TLS connections in the
 * same memory: the loop reads one connection until it has no more, so what the one before it has
 * brought is handed on when another begins.
 */
export class RecordBuffer {
  #memory = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Was kept once; as many as were at the same time. */
  readonly #spare: ArrayBuffer[] = [];
  #owner: RecordOwner | undefined;
  #length = 0;
  /** At the end of this turn. */
  #willFlush = false;

  /** False when what this owner has gathered, this record with it, is kept. */
  add(owner: RecordOwner, record: Buffer, length: number): boolean {
    if (this.#owner !== owner) {
      this.#flush();
      this.#owner = owner;
    }
    if (length === record.byteLength) this.#memory.set(record, this.#length);
    else record.copy(this.#memory, this.#length, 0, length);
    this.#length += length;
    if (BUFFER_BYTES - this.#length < TLS_RECORD_BYTES) return this.#flush();
    this.#flushSoon();
    return true;
  }

  /** Hands on what is left of this owner's. */
  flush(owner: RecordOwner): void {
    if (this.#owner === owner) this.#flush();
  }

  /** Whether something of this owner's is here. */
  holds(owner: RecordOwner): boolean {
    return this.#owner === owner;
  }

  /** The owner is done with what `take` has kept. */
  free(gathered: Buffer<ArrayBuffer>): void {
    this.#spare.push(gathered.buffer);
  }

  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      this.#flush();
    });
  }

  #flush(): boolean {
    const owner = this.#owner;
    if (owner === undefined) return true;
    const gathered = this.#memory.subarray(0, this.#length);
    this.#owner = undefined;
    this.#length = 0;
    if (owner.take(gathered)) return true;
    const spare = this.#spare.pop();
    this.#memory = spare === undefined ? Buffer.allocUnsafeSlow(BUFFER_BYTES) : Buffer.from(spare);
    return false;
  }
}
