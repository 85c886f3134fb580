const UNITS = 'bkmgtp';
const SIZE = /^(\d+(?:\.\d+)?)\s*([bkmgtp])?(?:i?b)?$/i;

/** `128m`, `1.5GB`, `4096`: bytes, with powers of 1024 as Docker has them; else `undefined`. */
export function parseByteSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  const power = UNITS.indexOf((match[2] ?? 'b').toLowerCase());
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
