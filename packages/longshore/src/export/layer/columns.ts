type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/**
 * A growing list of numbers without a box for each. What an index holds for a path has to stay
 * small (at most 400 B a path; an object with a dozen fields alone takes more than half of that).
 */
class Column<A extends Numbers> {
  #values: A;
  readonly #make: (length: number) => A;
  length = 0;

  constructor(make: (length: number) => A) {
    this.#make = make;
    this.#values = make(64);
  }

  push(value: number): void {
    if (this.length === this.#values.length) this.#grow();
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  #grow(): void {
    // By half, not by two: at a million paths the unused part is what one sees in the RSS.
    const next = this.#make(Math.ceil(this.#values.length * 1.5));
    next.set(this.#values);
    this.#values = next;
  }
}

export const columns = {
  u8: (): Column<Uint8Array> => new Column((n) => new Uint8Array(n)),
  u16: (): Column<Uint16Array> => new Column((n) => new Uint16Array(n)),
  u32: (): Column<Uint32Array> => new Column((n) => new Uint32Array(n)),
  i32: (): Column<Int32Array> => new Column((n) => new Int32Array(n)),
  f64: (): Column<Float64Array> => new Column((n) => new Float64Array(n)),
} as const;

/** Byte strings one behind the other; each is named by where it ends, or by offset and length. */
export class TextPool {
  #bytes: Buffer = Buffer.alloc(256);
  length = 0;

  /** Appends and returns the offset at which the text now starts. */
  add(text: string): number {
    const start = this.length;
    const end = start + text.length;
    if (end > this.#bytes.length) {
      const next = Buffer.alloc(Math.max(end, Math.ceil(this.#bytes.length * 1.5)));
      this.#bytes.copy(next, 0, 0, start);
      this.#bytes = next;
    }
    this.#bytes.write(text, start, 'latin1');
    this.length = end;
    return start;
  }

  text(start: number, end: number): string {
    return this.#bytes.toString('latin1', start, end);
  }

  /** Whether the text at `start` is `text`; no string is made for the comparison. */
  equals(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.#bytes[start + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }
}
