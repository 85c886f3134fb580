import { LongshoreError } from '../errors.ts';
import { makeArms } from './arms.ts';
import type { Run, RunState, TuneResults } from './types.ts';

const MAX_ROWS = 100_000;
const STATES: readonly string[] = ['ok', 'warm-up', 'throttled', 'failed', 'cached', 'interrupted'];

/**
 * Reads a recorded sweep: a header with at least `workers` and `seconds`; `order`, `block` and `state`
 * where they are known. Without `order` the rows are taken as they stand, without `block` the n-th run
 * of a width belongs to block n. Cells are parted by commas, or by semicolons or tabs as spreadsheets
 * write them, with a decimal comma then.
 * @throws LongshoreError `ERR_TUNE_CSV`, naming the line
 */
export function parseSweep(text: string, name: string): TuneResults {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (text.includes('\0')) throw broken(`${name} is no text`);
  const separator = [';', '\t'].find((mark) => lines[0]?.includes(mark)) ?? ',';
  const header = splitRow(lines[0] ?? '', separator).map((cell) => cell.toLowerCase());
  const column = new Map(header.map((title, i) => [title, i]));
  if (!column.has('workers') || !column.has('seconds')) {
    throw broken(`${name} has no columns "workers" and "seconds" in its first line`);
  }
  const seen = new Map<string, number>();
  const taken = new Set<string>();
  const runs: Run[] = [];
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === '' || line.startsWith('#')) continue;
    if (runs.length >= MAX_ROWS) throw broken(`${name} has more than ${MAX_ROWS} rows`);
    const cells = splitRow(line, separator);
    const cell = (title: string): string | undefined => cells[column.get(title) ?? -1];
    const where = `${name}:${i + 1}`;
    const arm = readArm(cell('workers'), where);
    const times = (seen.get(arm) ?? 0) + 1;
    seen.set(arm, times);
    const block = readNumber(cell('block'), { where, title: 'block', otherwise: times });
    const state = readState(cell('state'), where);
    const place = `${block} ${arm}`;
    if (state === 'ok' && taken.has(place)) {
      throw broken(`${where}: block ${block} has two runs of ${arm}`);
    }
    if (state === 'ok') taken.add(place);
    const seconds = separator === ',' ? cell('seconds') : cell('seconds')?.replace(',', '.');
    runs.push({
      arm,
      order: readNumber(cell('order'), { where, title: 'order', otherwise: runs.length + 1 }),
      block,
      seconds: readNumber(seconds, { where, title: 'seconds' }),
      state,
    });
  }
  if (runs.length === 0) throw broken(`${name} has a header and no rows`);
  return toResults(runs);
}

function toResults(runs: readonly Run[]): TuneResults {
  const ids = new Set(runs.map(({ arm }) => arm));
  const widths = [...ids].map(Number).filter((width) => Number.isInteger(width));
  return {
    format: 'longshore-tune',
    version: 1,
    verb: 'recorded',
    design: 'recorded',
    seed: 1,
    arms: makeArms({
      widths: widths.toSorted((a, b) => a - b),
      auto: ids.has('auto'),
      serial: ids.has('serial'),
      twin: false,
    }),
    runs: runs.toSorted((a, b) => a.order - b.order),
    voidBlocks: [],
    dropped: [],
    images: [],
  };
}

/** A separator between quotes is none. */
function splitRow(line: string, separator: string): string[] {
  const cells: string[] = [''];
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) cells.push('');
    else cells.push(`${cells.pop() ?? ''}${character}`);
  }
  return cells.map((cell) => cell.trim());
}

function readArm(text: string | undefined, where: string): string {
  if (text === 'auto' || text === 'serial') return text;
  const width = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && width >= 1 && width <= 4096) return String(width);
  throw broken(`${where}: workers is ${JSON.stringify(text ?? '')}, not a count, auto or serial`);
}

function readNumber(
  text: string | undefined,
  { where, title, otherwise }: { where: string; title: string; otherwise?: number },
): number {
  if ((text === undefined || text === '') && otherwise !== undefined) return otherwise;
  const value = Number(text);
  const whole = title === 'seconds' || Number.isInteger(value);
  const positive = title === 'block' ? value >= 0 : value > 0;
  if (text === undefined || text === '' || !Number.isFinite(value) || !positive || !whole) {
    throw broken(`${where}: ${title} is ${JSON.stringify(text ?? '')}, not a number above 0`);
  }
  return value;
}

function readState(text: string | undefined, where: string): RunState {
  if (text === undefined || text === '') return 'ok';
  if (STATES.includes(text)) return text as RunState;
  throw broken(`${where}: state is ${JSON.stringify(text)}, not one of ${STATES.join(', ')}`);
}

function broken(message: string): LongshoreError {
  return new LongshoreError(message, {
    code: 'ERR_TUNE_CSV',
    origin: 'input',
    hint: 'Write a header "workers,seconds" (and order, block where known) and one run a line',
  });
}

/** Every run as a line that {@link parseSweep} reads, in the order they were made. */
export function formatCsv({ runs }: Pick<TuneResults, 'runs'>): string {
  const rows = runs.map(({ order, block, arm, seconds, state, bytes, retries, cpuSeconds }) =>
    [
      order,
      block,
      arm.replace(' again', ''),
      seconds,
      state,
      bytes ?? '',
      retries ?? '',
      cpuSeconds ?? '',
    ].join(','),
  );
  return ['order,block,workers,seconds,state,bytes,retries,cpu_seconds', ...rows, ''].join('\n');
}
