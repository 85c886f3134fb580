import { tarError } from './errors.ts';
import { readNumber } from './numbers.ts';
import { type PaxRecord, paxSize } from './pax.ts';
import type { SparseRun } from './types.ts';

/** Old GNU format: a few runs in the header, more in the blocks after it. */
const HEADER_RUNS = { offset: 386, count: 4, extended: 482 };
const BLOCK_RUNS = { offset: 0, count: 21, extended: 504 };
const RUN_BYTES = 24;
const NUMBER_BYTES = 12;

/** The runs of an old GNU header (`S`), and whether a block with more follows. */
export function readHeaderRuns(block: Buffer): { runs: SparseRun[]; more: boolean } {
  return readRuns(block, HEADER_RUNS);
}

/** The runs of a block that continues an old GNU header. */
export function readBlockRuns(block: Buffer): { runs: SparseRun[]; more: boolean } {
  return readRuns(block, BLOCK_RUNS);
}

function readRuns(block: Buffer, layout: typeof HEADER_RUNS): { runs: SparseRun[]; more: boolean } {
  const runs: SparseRun[] = [];
  for (let i = 0; i < layout.count; i++) {
    const at = layout.offset + i * RUN_BYTES;
    if (block[at] === 0) break;
    runs.push({
      offset: readNumber(block, at, NUMBER_BYTES),
      bytes: readNumber(block, at + NUMBER_BYTES, NUMBER_BYTES),
    });
  }
  return { runs, more: block[layout.extended] !== 0 };
}

/**
 * The map of PAX sparse 0.0 (repeated offset and numbytes records) or 0.1 (one list of numbers),
 * or `undefined` where the records hold none.
 */
export function readPaxRuns(records: readonly PaxRecord[]): SparseRun[] | undefined {
  const list = records.findLast((record) => record.key === 'GNU.sparse.map');
  if (list !== undefined) return pairUp(parseNumbers(list.value.toString('latin1').split(',')));
  const numbers: number[] = [];
  for (const { key, value } of records) {
    if (key !== 'GNU.sparse.offset' && key !== 'GNU.sparse.numbytes') continue;
    const expected = numbers.length % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes';
    if (key !== expected) throw tarError('the sparse records of a file are out of order');
    numbers.push(paxSize(value, key));
  }
  return numbers.length === 0 ? undefined : pairUp(numbers);
}

function parseNumbers(texts: readonly string[]): number[] {
  return texts.map((text) => {
    if (!/^[0-9]{1,16}$/.test(text)) throw tarError('the sparse map of a file is not numbers');
    return Number(text);
  });
}

function pairUp(numbers: readonly number[]): SparseRun[] {
  if (numbers.length % 2 !== 0) throw tarError('the sparse map of a file is cut');
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    runs.push({ offset: numbers[i] ?? 0, bytes: numbers[i + 1] ?? 0 });
  }
  return runs;
}

/**
 * Gathers the map of PAX sparse 1.0, which stands before the data: a count, then offsets and
 * lengths, a line each, filled up to whole blocks.
 */
export class SparseMapReader {
  /** Bytes of the blocks taken so far. */
  bytes = 0;
  readonly #maxRuns: number;
  #text = '';
  #numbers: number[] = [];

  constructor(maxRuns: number) {
    this.#maxRuns = maxRuns;
  }

  /** Takes one block; returns the runs once the map is whole. */
  add(block: Buffer): SparseRun[] | undefined {
    this.bytes += block.length;
    const lines = (this.#text + block.toString('latin1')).split('\n');
    for (let i = 0; i < lines.length - 1; i++) {
      this.#numbers.push(...parseNumbers([lines[i] ?? '']));
      const count = this.#numbers[0] ?? 0;
      if (count > this.#maxRuns) throw tarError(`a sparse file has over ${this.#maxRuns} runs`);
      if (this.#numbers.length === 1 + 2 * count) return pairUp(this.#numbers.slice(1));
    }
    this.#text = lines.at(-1) ?? '';
    if (this.#text.length > 512) throw tarError('the sparse map of a file is not numbers');
    return undefined;
  }
}

/**
 * Checks a map against the sizes it must fit.
 * @throws LongshoreError `ERR_TAR_INVALID` for runs that overlap, go back, pass the end, or that
 *   do not add up to what is stored
 */
export function checkRuns(runs: readonly SparseRun[], size: number, storedBytes: number): void {
  let at = 0;
  let stored = 0;
  for (const { offset, bytes } of runs) {
    if (offset < at || offset + bytes > size) {
      throw tarError('the sparse map of a file does not fit its size');
    }
    at = offset + bytes;
    stored += bytes;
  }
  if (stored !== storedBytes) {
    throw tarError('the sparse map of a file does not fit what is stored of it');
  }
}
