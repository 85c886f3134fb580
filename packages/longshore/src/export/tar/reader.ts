import { checkGlobalRecords, type RawEntry, readEntry } from './entry.ts';
import { showName, tarError } from './errors.ts';
import { hasValidChecksum, readNumber } from './numbers.ts';
import { type PaxRecord, parsePax } from './pax.ts';
import {
  checkRuns,
  readBlockRuns,
  readHeaderRuns,
  readPaxRuns,
  SparseMapReader,
} from './sparse.ts';
import type { SparseRun, TarEntry, TarHandler, TarLimits } from './types.ts';

const BLOCK = 512;

/** A sparse file of which the map is not complete yet. */
interface PendingSparse {
  readonly entry: TarEntry;
  readonly storedBytes: number;
  readonly runs: SparseRun[];
}

type State =
  | { readonly at: 'header' }
  | { readonly at: 'extension'; readonly flag: string; readonly bytes: number }
  | { readonly at: 'sparse-block'; readonly pending: PendingSparse }
  | {
      readonly at: 'sparse-map';
      readonly pending: PendingSparse;
      readonly map: SparseMapReader;
    }
  | { readonly at: 'data' }
  | { readonly at: 'second-zero-block' }
  | { readonly at: 'end' };

/**
 * Reads a tar as its bytes arrive: ustar, GNU, PAX and star headers, in any mixture. Push-style:
 * every `write` is done when it returns, data is passed on without a copy, and never more than
 * one extension header is held. Whatever stands behind the end of the archive is passed over, as
 * every other reader does.
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #maxHeaderBytes: number;
  readonly #maxSparseRuns: number;
  #state: State = { at: 'header' };
  /** What `#gather` waits for, and what it has. */
  #wanted = BLOCK;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** Of the data of the present entry: what is still to come, and the filling behind it. */
  #dataLeft = 0;
  #padLeft = 0;
  #globals: PaxRecord[] = [];
  #locals: PaxRecord[] = [];
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(handler: TarHandler, limits: TarLimits = {}) {
    this.#handler = handler;
    this.#maxHeaderBytes = limits.maxHeaderBytes ?? 1024 * 1024;
    this.#maxSparseRuns = limits.maxSparseRuns ?? 65_536;
  }

  /** @throws LongshoreError `ERR_TAR_INVALID`; what the handler throws passes through */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state.at === 'end') return;
      if (this.#state.at === 'data') at = this.#passData(chunk, at);
      else if (this.#padLeft > 0) at = this.#skipPad(chunk, at);
      else at = this.#gather(chunk, at);
    }
  }

  /** Call when there are no more bytes. @throws LongshoreError `ERR_TAR_INVALID` when cut short */
  end(): void {
    const { at } = this.#state;
    const atBoundary = (at === 'header' || at === 'second-zero-block') && this.#gatheredBytes === 0;
    // Archives without their two closing blocks are common enough that all tools take them.
    if (at === 'end' || (atBoundary && this.#padLeft === 0)) return;
    throw tarError('it ends in the middle of an entry');
  }

  #passData(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#dataLeft);
    this.#dataLeft -= end - at;
    this.#handler.onData(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#dataLeft === 0) this.#want('header');
    return end;
  }

  #skipPad(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#padLeft);
    this.#padLeft -= end - at;
    return end;
  }

  /** Collects the next `#wanted` bytes; takes them in place when the chunk holds them all. */
  #gather(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#wanted - this.#gatheredBytes);
    const piece = chunk.subarray(at, end);
    if (this.#gatheredBytes === 0 && piece.length === this.#wanted) {
      this.#onGathered(piece);
      return end;
    }
    this.#gathered.push(Buffer.from(piece));
    this.#gatheredBytes += piece.length;
    if (this.#gatheredBytes === this.#wanted) {
      const whole = Buffer.concat(this.#gathered);
      this.#gathered = [];
      this.#gatheredBytes = 0;
      this.#onGathered(whole);
    }
    return end;
  }

  #want(state: 'header' | 'second-zero-block'): void {
    this.#state = { at: state };
    this.#wanted = BLOCK;
  }

  #onGathered(bytes: Buffer): void {
    const state = this.#state;
    switch (state.at) {
      case 'header':
        return this.#onHeader(bytes);
      case 'second-zero-block':
        if (!isZero(bytes)) throw tarError('there is a single zero block in it');
        this.#state = { at: 'end' };
        return;
      case 'extension':
        this.#padLeft = padding(state.bytes);
        this.#want('header');
        return this.#onExtension(state.flag, bytes);
      case 'sparse-block':
        return this.#onSparseBlock(state.pending, bytes);
      case 'sparse-map':
        return this.#onSparseMap(state.pending, state.map, bytes);
      case 'data':
      case 'end':
        return;
    }
  }

  #onHeader(block: Buffer): void {
    if (block[0] === 0 && isZero(block)) return this.#want('second-zero-block');
    if (!hasValidChecksum(block)) throw tarError('the checksum of a header is wrong');
    const flag = String.fromCharCode(block[156] ?? 0);
    if ('xXgLK'.includes(flag)) return this.#startExtension(flag, readNumber(block, 124, 12));
    if (flag === 'V') return this.#start(0, () => undefined);
    this.#onEntryHeader(
      readEntry(block, {
        records: [...this.#globals, ...this.#locals],
        longName: this.#longName,
        longLink: this.#longLink,
      }),
      block,
    );
  }

  #startExtension(flag: string, bytes: number): void {
    if (bytes < 0 || bytes > this.#maxHeaderBytes) {
      throw tarError(`an extension header of ${bytes} bytes, over ${this.#maxHeaderBytes}`);
    }
    if (bytes === 0) return;
    this.#state = { at: 'extension', flag, bytes };
    this.#wanted = bytes;
  }

  #onExtension(flag: string, body: Buffer): void {
    if (flag === 'L') this.#longName = untilNul(body);
    else if (flag === 'K') this.#longLink = untilNul(body);
    else if (flag === 'g') this.#onGlobal(parsePax(body));
    else this.#locals.push(...parsePax(body));
    const held = this.#locals.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    if (held > this.#maxHeaderBytes) throw tarError('an entry has too many extension headers');
  }

  #onGlobal(records: readonly PaxRecord[]): void {
    checkGlobalRecords(records);
    const merged = new Map([...this.#globals, ...records].map((record) => [record.key, record]));
    this.#globals = [...merged.values()];
    const held = this.#globals.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    if (held > this.#maxHeaderBytes) throw tarError('there are too many global headers');
  }

  #onEntryHeader(raw: RawEntry, block: Buffer): void {
    const { entry, storedBytes } = raw;
    const records = this.#locals;
    this.#locals = [];
    this.#longName = undefined;
    this.#longLink = undefined;
    if (raw.oldSparse) {
      const { runs, more } = readHeaderRuns(block);
      return this.#continueSparse({ entry, storedBytes, runs }, more);
    }
    const major = records.findLast((record) => record.key === 'GNU.sparse.major');
    if (major !== undefined && major.value.toString('latin1') === '1') {
      const map = new SparseMapReader(this.#maxSparseRuns);
      this.#state = { at: 'sparse-map', pending: { entry, storedBytes, runs: [] }, map };
      this.#wanted = BLOCK;
      return;
    }
    const runs = entry.type === 'file' ? readPaxRuns(records) : undefined;
    if (runs !== undefined) return this.#announceSparse({ entry, storedBytes, runs });
    if (entry.size !== storedBytes) throw tarError(`${showName(entry.path)} has two sizes`);
    this.#start(storedBytes, () => this.#handler.onEntry(entry));
  }

  #onSparseBlock(pending: PendingSparse, block: Buffer): void {
    const { runs, more } = readBlockRuns(block);
    this.#continueSparse({ ...pending, runs: pending.runs.concat(runs) }, more);
  }

  #continueSparse(pending: PendingSparse, more: boolean): void {
    if (!more) return this.#announceSparse(pending);
    this.#refuseManyRuns(pending.runs.length);
    this.#state = { at: 'sparse-block', pending };
    this.#wanted = BLOCK;
  }

  #onSparseMap(pending: PendingSparse, map: SparseMapReader, block: Buffer): void {
    const runs = map.add(block);
    if (map.bytes > pending.storedBytes) throw tarError('a sparse map is longer than its file');
    if (runs === undefined) return;
    const storedBytes = pending.storedBytes - map.bytes;
    this.#announceSparse({ entry: pending.entry, storedBytes, runs });
  }

  #announceSparse({ entry, storedBytes, runs }: PendingSparse): void {
    this.#refuseManyRuns(runs.length);
    checkRuns(runs, entry.size, storedBytes);
    this.#start(storedBytes, () => this.#handler.onEntry({ ...entry, sparse: runs }));
  }

  #refuseManyRuns(count: number): void {
    if (count > this.#maxSparseRuns) {
      throw tarError(`a sparse file has over ${this.#maxSparseRuns} runs`);
    }
  }

  #start(storedBytes: number, announce: () => void): void {
    this.#want('header');
    this.#padLeft = padding(storedBytes);
    this.#dataLeft = storedBytes;
    if (storedBytes > 0) this.#state = { at: 'data' };
    announce();
  }
}

function padding(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function untilNul(body: Buffer): string {
  const nul = body.indexOf(0);
  return body.toString('latin1', 0, nul < 0 ? body.length : nul);
}
