import { endOfArchive, filling, formatHeader, type TarMember } from '../tar/writer.ts';
import type { EmitItem } from './emit.ts';

const ZEROS = Buffer.alloc(64 * 1024);

/** Changes a member on its way into an archive; `undefined` leaves it out. */
export type MemberFilter = (member: TarMember) => TarMember | undefined;

/**
 * Writes emitted items as one clean tar: unique names, sorted directories first, no links that
 * lead anywhere but to what came before. Holes are written out as zeros, from one shared buffer.
 */
export class TarStream {
  readonly #filter: MemberFilter;
  #size = 0;
  #at = 0;
  #isOpen = false;

  constructor(filter: MemberFilter) {
    this.#filter = filter;
  }

  /** The bytes for a batch of items. Lazily made: a hole of a terabyte takes no memory. */
  *write(items: readonly EmitItem[]): Generator<Buffer> {
    for (const item of items) {
      if (item.kind === 'data') {
        if (!this.#isOpen) continue;
        yield* this.#zerosTo(item.offset);
        this.#at += item.chunk.length;
        yield item.chunk;
      } else {
        yield* this.#closeFile();
        const member = this.#filter(item.member);
        this.#isOpen = member?.type === 'file';
        if (member === undefined) continue;
        this.#size = member.type === 'file' ? member.size : 0;
        this.#at = 0;
        yield formatHeader(member);
      }
    }
  }

  /** What closes the archive. */
  *end(): Generator<Buffer> {
    yield* this.#closeFile();
    yield endOfArchive();
  }

  *#closeFile(): Generator<Buffer> {
    if (!this.#isOpen) return;
    yield* this.#zerosTo(this.#size);
    const fill = filling(this.#size);
    if (fill.length > 0) yield fill;
    this.#isOpen = false;
  }

  *#zerosTo(end: number): Generator<Buffer> {
    while (this.#at < end) {
      const bytes = Math.min(ZEROS.length, end - this.#at);
      this.#at += bytes;
      yield bytes === ZEROS.length ? ZEROS : ZEROS.subarray(0, bytes);
    }
  }
}
