import type { ByteRange } from './types.ts';

interface MutableRange {
  start: number;
  end: number;
}

/**
 * A set of bytes as sorted ranges that neither touch nor overlap. Extending a range at its end, what
 * a download does thousands of times a second, changes it in place.
 */
export class RangeSet {
  readonly #ranges: MutableRange[] = [];
  #bytes = 0;

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const range of ranges) this.add(range.start, range.end);
  }

  /** Number of bytes in the set. */
  get bytes(): number {
    return this.#bytes;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const first = this.#firstEndingAtOrAfter(start);
    const range = this.#ranges[first];
    if (range === undefined || range.start > end) {
      this.#ranges.splice(first, 0, { start, end });
      this.#bytes += end - start;
      return;
    }
    const before = range.end - range.start;
    range.start = Math.min(range.start, start);
    range.end = Math.max(range.end, end);
    this.#bytes += range.end - range.start - before;
    this.#swallowAfter(first, range);
  }

  /** Merges the ranges after `index` that `range` has reached by growing. */
  #swallowAfter(index: number, range: MutableRange): void {
    let next = this.#ranges[index + 1];
    while (next !== undefined && next.start <= range.end) {
      const overlap = Math.min(range.end, next.end) - next.start;
      range.end = Math.max(range.end, next.end);
      this.#bytes -= overlap;
      // Both were counted; what is left over after the overlap is counted once, within `range`.
      this.#ranges.splice(index + 1, 1);
      next = this.#ranges[index + 1];
    }
  }

  /** True when any byte of the range is in the set. */
  overlaps(start: number, end: number): boolean {
    const range = this.#ranges[this.#firstEndingAfter(start)];
    return range !== undefined && range.start < end && start < end;
  }

  /** Where the unbroken run of bytes that begins at `position` ends; `position` when it is not in. */
  endOf(position: number): number {
    const range = this.#ranges[this.#firstEndingAfter(position)];
    return range !== undefined && range.start <= position ? range.end : position;
  }

  /** What of `start` to `end` is not in the set, in order. */
  gaps(start: number, end: number): ByteRange[] {
    const found: ByteRange[] = [];
    let position = start;
    for (let i = this.#firstEndingAfter(start); position < end; i += 1) {
      const range = this.#ranges[i];
      const gapEnd = Math.min(range?.start ?? end, end);
      if (gapEnd > position) found.push({ start: position, end: gapEnd });
      position = range?.end ?? end;
    }
    return found;
  }

  /** The ranges now, in order. */
  toArray(): ByteRange[] {
    return this.#ranges.map(({ start, end }) => ({ start, end }));
  }

  /** A new set without anything at or after `limit`. */
  clippedTo(limit: number): RangeSet {
    return new RangeSet(
      this.#ranges.map(({ start, end }) => ({ start, end: Math.min(end, limit) })),
    );
  }

  #firstEndingAtOrAfter(position: number): number {
    return this.#firstEndingAfter(position - 1);
  }

  #firstEndingAfter(position: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.end <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
