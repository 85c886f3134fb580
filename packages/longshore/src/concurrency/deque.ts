const SMALLEST = 16;

/**
 * A ring that grows and shrinks by halves: constant time at both ends, one slot an item. (An array
 * of a million items moves all of them on each `shift`.)
 */
export class Deque<T> {
  #ring: (T | undefined)[] = Array.from({ length: SMALLEST });
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#move(this.#size * 2);
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item;
    this.#size += 1;
  }

  unshift(item: T): void {
    if (this.#size === this.#ring.length) this.#move(this.#size * 2);
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = item;
    this.#size += 1;
  }

  /** The first item, `undefined` while empty: ask `size` first where `undefined` may be an item. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    // Leaving it would keep the item alive for as long as the ring does not come round.
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    if (this.#ring.length > SMALLEST && this.#size * 4 < this.#ring.length) {
      this.#move(this.#ring.length / 2);
    }
    return item;
  }

  /** The first item, left where it is. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head];
  }

  clear(): void {
    this.#ring = Array.from({ length: SMALLEST });
    this.#head = 0;
    this.#size = 0;
  }

  // Lengths are powers of two, so that a mask wraps the index.
  #move(length: number): void {
    const ring: (T | undefined)[] = Array.from({ length });
    for (let at = 0; at < this.#size; at += 1) {
      ring[at] = this.#ring[(this.#head + at) & (this.#ring.length - 1)];
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
