/** What a `Content-Range` field says. */
export interface ContentRange {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
  /** Size of the whole; `undefined` for `*`. */
  readonly total: number | undefined;
}

const PATTERN = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i;

/** Reads `bytes FIRST-LAST/TOTAL` (RFC 9110, 14.4); `undefined` for anything else, 416's form included. */
export function parseContentRange(value: string): ContentRange | undefined {
  const match = PATTERN.exec(value.trim());
  if (match === null) return undefined;
  const [, first, last, size] = match;
  const start = Number(first);
  const end = Number(last) + 1;
  const total = size === '*' ? undefined : Number(size);
  if (end <= start || (total !== undefined && end > total)) return undefined;
  return { start, end, total };
}

/** The field for the bytes from `start` up to `end`, which is not included. */
export function formatRange(start: number, end: number | undefined): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`;
}
