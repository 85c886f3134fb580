/** What a heap of waiters orders by, and where it keeps each one's place. */
export interface HeapEntry {
  readonly priority: number;
  readonly turn: number;
  readonly bytes: number;
  readonly order: number;
  /** Place in the heap, kept by the heap; -1 while outside. */
  place: number;
}

/**
 * True where `a` goes before `b`: higher priority, then the lower turn, then more bytes (the longest job
 * first gives the shortest makespan: Graham 1969), then who asked first.
 */
export function goesBefore(a: HeapEntry, b: HeapEntry): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.turn !== b.turn) return a.turn < b.turn;
  if (a.bytes !== b.bytes) return a.bytes > b.bytes;
  return a.order < b.order;
}

/**
 * A binary heap whose entries know their place, so that an aborted waiter leaves in O(log n): with
 * lazy deletion, aborts against a limiter that never frees would pile up.
 */
export class WaiterHeap<E extends HeapEntry> {
  readonly #entries: E[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): E | undefined {
    return this.#entries[0];
  }

  push(entry: E): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  pop(): E | undefined {
    const first = this.#entries[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** @returns whether it was here */
  remove(entry: E): boolean {
    const { place } = entry;
    if (this.#entries[place] !== entry) return false;
    entry.place = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return true;
    this.#sink(last, place);
    this.#rise(last, last.place);
    return true;
  }

  /** Takes everything out, in no particular order. */
  clear(): E[] {
    const all = this.#entries.splice(0);
    for (const entry of all) entry.place = -1;
    return all;
  }

  #rise(entry: E, from: number): void {
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#entries[up];
      if (parent === undefined || !goesBefore(entry, parent)) break;
      this.#put(parent, at);
      at = up;
    }
    this.#put(entry, at);
  }

  #sink(entry: E, from: number): void {
    let at = from;
    for (;;) {
      const left = this.#entries[2 * at + 1];
      const right = this.#entries[2 * at + 2];
      if (left === undefined) break;
      const child = right !== undefined && goesBefore(right, left) ? right : left;
      if (!goesBefore(child, entry)) break;
      const down = child.place;
      this.#put(child, at);
      at = down;
    }
    this.#put(entry, at);
  }

  #put(entry: E, at: number): void {
    this.#entries[at] = entry;
    entry.place = at;
  }
}
