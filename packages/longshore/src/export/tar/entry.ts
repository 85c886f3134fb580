import { showName, tarError } from './errors.ts';
import { readNumber, readText } from './numbers.ts';
import { type PaxRecord, paxName, paxNumber, paxSize } from './pax.ts';
import type { ByteString, TarEntry, TarEntryType } from './types.ts';

/** The extension headers that stand before an entry, gathered. */
export interface Extensions {
  /** Global records first, then local ones; of one key the last wins. */
  readonly records: readonly PaxRecord[];
  readonly longName: ByteString | undefined;
  readonly longLink: ByteString | undefined;
}

/** An entry before its sparse map is known, and how many bytes of it the archive stores. */
export interface RawEntry {
  readonly entry: TarEntry;
  readonly storedBytes: number;
  /** Old GNU sparse file: the map starts in the header block. */
  readonly oldSparse: boolean;
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

const XATTR_PREFIX = 'SCHILY.xattr.';

/** Global records that would rename or resize every later entry: no honest writer makes them. */
const NEVER_GLOBAL = /^(path|linkpath|size|GNU\.sparse\..*)$/;

/** Refuses a global header that no honest archive has. */
export function checkGlobalRecords(records: readonly PaxRecord[]): void {
  const bad = records.find((record) => NEVER_GLOBAL.test(record.key));
  if (bad !== undefined) throw tarError(`a global header sets ${bad.key} for all files`);
}

/** Reads a header block and applies what its extension headers say. */
export function readEntry(block: Buffer, extensions: Extensions): RawEntry {
  const records = new Map<string, Buffer>();
  // An empty value takes the record back (POSIX pax, "Extended Header Keywords").
  for (const { key, value } of extensions.records) {
    if (value.length === 0) records.delete(key);
    else records.set(key, value);
  }
  const name = readName(block, extensions, records);
  const type = readType(block, name);
  const storedBytes = type === 'file' ? readSize(block, records) : 0;
  const oldSparse = type === 'file' && block[156] === 0x53;
  const xattrs = readXattrs(records);
  const mtime = records.get('mtime');
  const entry: TarEntry = {
    path: name,
    type,
    mode: readNumber(block, 100, 8) & 0o7777,
    uid: readId(block, 108, records.get('uid')),
    gid: readId(block, 116, records.get('gid')),
    mtime: mtime === undefined ? readNumber(block, 136, 12) : paxNumber(mtime, 'mtime'),
    size: oldSparse ? readNumber(block, 483, 12) : (realSize(records) ?? storedBytes),
    linkPath: type === 'symlink' || type === 'hardlink' ? readLink(block, extensions, records) : '',
    deviceMajor: type.endsWith('device') ? readNumber(block, 329, 8) : 0,
    deviceMinor: type.endsWith('device') ? readNumber(block, 337, 8) : 0,
    ...(xattrs === undefined ? {} : { xattrs }),
  };
  if (entry.size < 0) throw tarError(`${showName(name)} has a negative size`);
  return { entry, storedBytes, oldSparse };
}

function readType(block: Buffer, name: string): TarEntryType {
  const flag = String.fromCharCode(block[156] ?? 0);
  // Before POSIX a directory was a file whose name ends in a slash.
  if (flag === '\0' && name.endsWith('/')) return 'directory';
  const type = TYPES[flag];
  if (type === undefined) {
    throw tarError(`${showName(name)} is of the unknown type ${JSON.stringify(flag)}`);
  }
  return type;
}

function readName(block: Buffer, extensions: Extensions, records: Map<string, Buffer>): string {
  if (extensions.longName !== undefined) return extensions.longName;
  // `GNU.sparse.name` is the true name; `path` of such an entry is made up for old readers.
  for (const key of ['GNU.sparse.name', 'path']) {
    const value = records.get(key);
    if (value !== undefined) return paxName(value, key);
  }
  const name = readText(block, 0, 100);
  // GNU's own magic is followed by a space, and keeps other things where POSIX has the prefix.
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = posix ? readText(block, 345, isStar(block) ? 131 : 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function isStar(block: Buffer): boolean {
  return block.toString('latin1', 508, 512) === 'tar\0';
}

function readLink(block: Buffer, extensions: Extensions, records: Map<string, Buffer>): string {
  if (extensions.longLink !== undefined) return extensions.longLink;
  const value = records.get('linkpath');
  return value === undefined ? readText(block, 157, 100) : paxName(value, 'linkpath');
}

function readSize(block: Buffer, records: Map<string, Buffer>): number {
  const value = records.get('size');
  const size = value === undefined ? readNumber(block, 124, 12) : paxSize(value, 'size');
  if (size < 0) throw tarError('an entry has a negative size');
  return size;
}

function realSize(records: Map<string, Buffer>): number | undefined {
  for (const key of ['GNU.sparse.realsize', 'GNU.sparse.size']) {
    const value = records.get(key);
    if (value !== undefined) return paxSize(value, key);
  }
  return undefined;
}

const MAX_ID = 0xffff_fffe;

function readId(block: Buffer, offset: number, record: Buffer | undefined): number {
  const id = record === undefined ? readNumber(block, offset, 8) : paxSize(record, 'uid or gid');
  if (id < 0 || id > MAX_ID) throw tarError(`a user or group of the number ${id}`);
  return id;
}

function readXattrs(records: Map<string, Buffer>): Map<string, Buffer> | undefined {
  let xattrs: Map<string, Buffer> | undefined;
  for (const [key, value] of records) {
    if (!key.startsWith(XATTR_PREFIX) || key.length === XATTR_PREFIX.length) continue;
    xattrs ??= new Map();
    xattrs.set(key.slice(XATTR_PREFIX.length), value);
  }
  return xattrs;
}
