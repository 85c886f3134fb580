import { tarError } from './errors.ts';

/**
 * Reads a number field of a tar header: octal digits, or base-256 (first bit set), which GNU tar
 * and Go write for what does not fit.
 * @throws LongshoreError `ERR_TAR_INVALID` for anything else, and beyond 2^53
 */
export function readNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  return (first & 0x80) === 0
    ? readOctal(block, offset, length)
    : readBase256(block, offset, length);
}

function readOctal(block: Buffer, offset: number, length: number): number {
  let end = offset + length;
  let at = offset;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  while (end > at && (block[end - 1] === 0x20 || block[end - 1] === 0)) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) {
      // Some writers leave rubbish behind the terminator; the number ends there.
      if (block[at] === 0 || block[at] === 0x20) break;
      throw tarError(
        `${JSON.stringify(block.toString('latin1', offset, offset + length))} is not a number`,
      );
    }
    value = value * 8 + digit;
  }
  return checked(value);
}

function readBase256(block: Buffer, offset: number, length: number): number {
  const negative = ((block[offset] ?? 0) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let i = 0; i < length; i++) {
    const byte = block[offset + i] ?? 0;
    const bits = i === 0 ? (negative ? byte | 0x80 : byte & 0x7f) : byte;
    value = (value << 8n) | BigInt(bits);
  }
  const number = Number(BigInt.asIntN(length * 8, value));
  return checked(number);
}

function checked(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw tarError('a number in it is too large');
}

/** The bytes of a text field up to its first NUL. */
export function readText(block: Buffer, offset: number, length: number): string {
  const nul = block.indexOf(0, offset);
  const end = nul < 0 || nul > offset + length ? offset + length : nul;
  return block.toString('latin1', offset, end);
}

/** Whether the header's checksum holds; old writers summed signed bytes. */
export function hasValidChecksum(block: Buffer): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < 512; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stored = readNumber(block, 148, 8);
  return stored === unsigned || stored === signed;
}
