/**
 * Amounts as people write them. Each function returns the number, or a sentence that says what is
 * wrong with the text; where the text came from is the caller's to tell.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ...['k', 'm', 'g', 't', 'p'].flatMap((letter, i): [string, number][] => [
    [letter, 1024 ** (i + 1)],
    [`${letter}ib`, 1024 ** (i + 1)],
    [`${letter}b`, 1000 ** (i + 1)],
  ]),
]);

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
]);

/**
 * Bytes: `500`, `10MB` (powers of 1000), `1.5GiB` (powers of 1024). A bare `K`, `M`, `G`, `T` is a
 * power of 1024, as in GNU coreutils. Upper and lower case mean the same.
 */
export function parseSize(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim());
  if (match === null) return no(`${quote(text)} is not a size; write for example 500MB or 1.5GiB`);
  const [, digits = '', unit = ''] = match;
  const factor = SIZE_UNITS.get(unit.toLowerCase());
  if (factor === undefined) {
    return no(`${quote(unit)} is not a unit of size; use B, KB, MB, GB, TB or KiB, MiB, GiB, TiB`);
  }
  return whole(Number(digits) * factor, text);
}

/** Bytes a second: a size, with `/s` after it or not. */
export function parseRate(text: string): Parsed<number> {
  const parsed = parseSize(text.trim().replace(/ ?\/s$/i, ''));
  if (!parsed.ok) return no(`${quote(text)} is not a rate; write for example 10MB/s`);
  return parsed.value > 0 ? parsed : no('a rate of 0 would never end');
}

/** Milliseconds: `30d`, `12h`, `1h30m`, `500ms`. A number alone has no meaning here, except 0. */
export function parseDuration(text: string): Parsed<number> {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '0') return { ok: true, value: 0 };
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/.test(trimmed)) {
    const unitless = /^\d+(\.\d+)?$/.test(trimmed) ? ' (its unit is missing)' : '';
    return no(`${quote(text)} is not a duration${unitless}; write for example 30d, 12h or 1h30m`);
  }
  let total = 0;
  for (const [, digits = '', unit = ''] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(digits) * (DURATION_UNITS_MS.get(unit) ?? 0);
  }
  return whole(total, text);
}

/** A whole number from 1 to `max`. */
export function parseCount(text: string, max: number): Parsed<number> {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : 0;
  if (value >= 1 && value <= max) return { ok: true, value };
  return no(`${quote(text)} is not a whole number from 1 to ${max}`);
}

const TRUE = new Set(['1', 'true', 'yes', 'on']);
const FALSE = new Set(['0', 'false', 'no', 'off']);

/** A switch as the environment carries it. */
export function parseSwitch(text: string): Parsed<boolean> {
  const word = text.trim().toLowerCase();
  if (TRUE.has(word)) return { ok: true, value: true };
  if (FALSE.has(word)) return { ok: true, value: false };
  return no(`${quote(text)} is neither on nor off; write 1 or 0`);
}

function whole(value: number, text: string): Parsed<number> {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded)
    ? { ok: true, value: rounded }
    : no(`${quote(text)} is too large`);
}

function no(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
