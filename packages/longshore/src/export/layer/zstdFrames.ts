import { LongshoreError } from '../../errors.ts';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
/** Largest frame header: magic, descriptor, window, dictionary, content size. */
const MAX_HEADER = 18;

function broken(reason: string): LongshoreError {
  return new LongshoreError(`Not valid zstd data: ${reason}`, {
    code: 'ERR_LAYER_CORRUPT',
    origin: 'input',
    hint: 'Pull the image again; if it stays so, whoever pushed it is at fault',
  });
}

/**
 * Cuts a zstd stream so that no piece reaches over the end of a frame, and leaves out skippable
 * frames. Node's decompressor (24.21, measured) drops without a word whatever stands behind the
 * end of a frame within one chunk; layers of `zstd:chunked` and of `pzstd` have many frames.
 * Only the headers of frames and blocks are read (RFC 8878, section 3.1).
 */
export class ZstdFrameCutter {
  #state: 'header' | 'block-header' | 'payload' | 'skip' = 'header';
  #head: Buffer = Buffer.alloc(0);
  #left = 0;
  #lastBlock = false;
  #hasChecksum = false;
  #inChecksum = false;

  /** The pieces of `chunk`, in order. @throws LongshoreError `ERR_LAYER_CORRUPT` */
  cut(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = [];
    let start = 0;
    let at = 0;
    const flush = (end: number): void => {
      if (end > start) pieces.push(chunk.subarray(start, end));
      start = end;
    };
    while (at < chunk.length) {
      if (this.#state === 'header') {
        const taken = this.#takeHeader(chunk, at);
        at += taken.bytes;
        if (taken.carried !== undefined) {
          pieces.push(taken.carried);
          start = at;
        } else if (this.#state === 'header' || this.#state === 'skip') start = at;
      } else if (this.#state === 'block-header') {
        at += this.#takeBlockHeader(chunk, at);
        // An empty last block ends the frame with its header.
        if (this.#isAtFrameEnd()) flush(at);
      } else {
        const skipping = this.#state === 'skip';
        const bytes = Math.min(this.#left, chunk.length - at);
        this.#left -= bytes;
        at += bytes;
        if (skipping) start = at;
        if (this.#left === 0) {
          this.#endOfPart(skipping);
          if (this.#isAtFrameEnd() && !skipping) flush(at);
        }
      }
    }
    flush(at);
    return pieces;
  }

  /** @throws LongshoreError `ERR_LAYER_CORRUPT` when the stream was cut within a frame */
  end(): void {
    if (this.#state !== 'header' || this.#head.length > 0) throw broken('it is cut short');
  }

  #isAtFrameEnd(): boolean {
    return this.#state === 'header' && this.#head.length === 0;
  }

  /**
   * Reads a frame's header, of which the length is not known before its fifth byte. Bytes of it
   * that came in an earlier chunk are given back as one piece, because that chunk is gone.
   */
  #takeHeader(chunk: Buffer, at: number): { bytes: number; carried: Buffer | undefined } {
    const before = this.#head.length;
    const seen = Buffer.concat([this.#head, chunk.subarray(at, at + MAX_HEADER - before)]);
    const length = headerLength(seen);
    if (length === undefined || seen.length < length) {
      this.#head = Buffer.from(seen);
      return { bytes: chunk.length - at, carried: undefined };
    }
    this.#head = Buffer.alloc(0);
    if (isSkippable(seen.readUInt32LE(0))) {
      this.#left = seen.readUInt32LE(4);
      this.#state = this.#left === 0 ? 'header' : 'skip';
      return { bytes: length - before, carried: undefined };
    }
    this.#hasChecksum = ((seen[4] ?? 0) & 4) !== 0;
    this.#state = 'block-header';
    const carried = before > 0 ? seen.subarray(0, length) : undefined;
    return { bytes: length - before, carried };
  }

  #takeBlockHeader(chunk: Buffer, at: number): number {
    const before = this.#head.length;
    const bytes = Math.min(3 - before, chunk.length - at);
    const head = before === 0 && bytes === 3 ? chunk.subarray(at, at + 3) : this.#append(chunk, at);
    if (head.length < 3) return bytes;
    const value = head.readUIntLE(0, 3);
    this.#head = Buffer.alloc(0);
    const type = (value >> 1) & 3;
    if (type === 3) throw broken('a block is of the reserved type');
    this.#lastBlock = (value & 1) !== 0;
    // A run-length block stores a single byte, whatever its size says.
    this.#left = type === 1 ? 1 : value >>> 3;
    this.#state = 'payload';
    if (this.#left === 0) this.#endOfPart(false);
    return bytes;
  }

  #append(chunk: Buffer, at: number): Buffer {
    this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + 3 - this.#head.length)]);
    return this.#head;
  }

  #endOfPart(skipped: boolean): void {
    if (skipped || this.#inChecksum) {
      this.#inChecksum = false;
      this.#state = 'header';
    } else if (!this.#lastBlock) this.#state = 'block-header';
    else if (this.#hasChecksum) {
      this.#inChecksum = true;
      this.#left = 4;
    } else this.#state = 'header';
  }
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

function headerLength(seen: Buffer): number | undefined {
  if (seen.length < 5) return undefined;
  const magic = seen.readUInt32LE(0);
  if (isSkippable(magic)) return 8;
  if (magic !== FRAME_MAGIC) throw broken('something else stands between or behind its frames');
  const descriptor = seen[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const contentSize = descriptor >>> 6;
  const contentBytes = contentSize === 0 && single ? 1 : (CONTENT_SIZE_BYTES[contentSize] ?? 0);
  return 5 + (single ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentBytes;
}
