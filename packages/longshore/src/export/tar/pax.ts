import { tarError } from './errors.ts';
import type { ByteString } from './types.ts';

/** One record and where it stood, for formats (PAX sparse 0.0) in which order and repetition count. */
export interface PaxRecord {
  readonly key: ByteString;
  readonly value: Buffer;
}

const MAX_LENGTH_DIGITS = 10;

/**
 * Takes the body of a PAX header apart: `LENGTH KEY=VALUE\n`, again and again.
 * @throws LongshoreError `ERR_TAR_INVALID`
 */
export function parsePax(body: Buffer): readonly PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < body.length) {
    // GNU tar of old pads the body with NULs.
    if (body[at] === 0) break;
    const { record, end } = parseRecord(body, at);
    records.push(record);
    at = end;
  }
  return records;
}

function parseRecord(body: Buffer, at: number): { record: PaxRecord; end: number } {
  const space = body.indexOf(0x20, at);
  if (space < 0 || space - at > MAX_LENGTH_DIGITS) throw tarError('a PAX record has no length');
  const digits = body.toString('latin1', at, space);
  if (!/^[0-9]+$/.test(digits)) throw tarError('a PAX record has no length');
  const end = at + Number(digits);
  const equals = body.indexOf(0x3d, space + 1);
  if (end > body.length || body[end - 1] !== 0x0a || equals < 0 || equals >= end - 1) {
    throw tarError('a PAX record is cut or has no end');
  }
  const key = body.toString('latin1', space + 1, equals);
  if (key === '' || key.includes('\0')) throw tarError('a PAX record has no name');
  return { record: { key, value: Buffer.from(body.subarray(equals + 1, end - 1)) }, end };
}

/** A number of a PAX record: digits, for times with a fraction and a sign. */
export function paxNumber(value: Buffer, key: string): number {
  const text = value.toString('latin1');
  if (!/^-?[0-9]+(\.[0-9]*)?$/.test(text)) throw tarError(`the PAX record ${key} is not a number`);
  const number = Number(text);
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER)
    throw tarError(`the PAX record ${key} is too large`);
  return number;
}

/** A whole number that is not negative. */
export function paxSize(value: Buffer, key: string): number {
  const number = paxNumber(value, key);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw tarError(`the PAX record ${key} is not a size`);
  }
  return number;
}

/** A name of a PAX record. NUL would end it early for every tool written in C. */
export function paxName(value: Buffer, key: string): ByteString {
  if (value.includes(0)) throw tarError(`the PAX record ${key} holds a NUL`);
  return value.toString('latin1');
}

/** Writes one PAX record; its length counts its own digits. */
export function formatPaxRecord(key: ByteString, value: Buffer): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return Buffer.concat([
    Buffer.from(`${length} ${key}=`, 'latin1'),
    value,
    Buffer.from('\n', 'latin1'),
  ]);
}
