import { formatPaxRecord } from './pax.ts';
import type { ByteString, TarEntryType } from './types.ts';

const BLOCK = 512;
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/** A member to write. Names are bytes; a directory needs no slash at its end. */
export interface TarMember {
  readonly path: ByteString;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch; fractions are cut off. */
  readonly mtime: number;
  /** Bytes of data that follow; files only. */
  readonly size: number;
  readonly linkPath?: ByteString;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: ReadonlyMap<ByteString, Buffer> | undefined;
}

const FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

/**
 * The headers of one member: a ustar block, and before it a PAX one for what ustar cannot hold.
 * User and group names are left empty: squashfs-tools 4.5 would map them to the ids that the
 * *host* gives to such names (measured: 4242 became 65534).
 */
export function formatHeader(member: TarMember): Buffer {
  const path = member.type === 'directory' ? `${member.path}/` : member.path;
  const records = paxRecords(member, path);
  const header = formatBlock(member, path);
  if (records.length === 0) return header;
  const body = Buffer.concat(records);
  const pax = formatBlock(
    { path: '', type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: body.length },
    'pax-header',
    'x',
  );
  return Buffer.concat([pax, body, filling(body.length), header]);
}

/** The NULs that fill up the last block of `size` bytes of data. */
export function filling(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What closes an archive. */
export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

function paxRecords(member: TarMember, path: string): Buffer[] {
  const records: Buffer[] = [];
  const add = (key: string, value: string | Buffer): void => {
    records.push(
      formatPaxRecord(key, typeof value === 'string' ? Buffer.from(value, 'latin1') : value),
    );
  };
  const linkPath = member.linkPath ?? '';
  if (splitPath(path) === undefined) add('path', path);
  if (linkPath.length > 100) add('linkpath', linkPath);
  if (member.size > MAX_OCTAL_11) add('size', String(member.size));
  if (member.uid > MAX_OCTAL_7) add('uid', String(member.uid));
  if (member.gid > MAX_OCTAL_7) add('gid', String(member.gid));
  if (member.mtime < 0 || member.mtime > MAX_OCTAL_11)
    add('mtime', String(Math.floor(member.mtime)));
  for (const [name, value] of member.xattrs ?? []) add(`SCHILY.xattr.${name}`, value);
  return records;
}

/** Where a path divides into ustar's prefix and name; `undefined` when it does not fit. */
function splitPath(path: string): { prefix: string; name: string } | undefined {
  if (path.length <= 100) return { prefix: '', name: path };
  if (path.length > 256) return undefined;
  const slash = path.indexOf('/', path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function formatBlock(member: TarMember, path: string, flag?: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = splitPath(path) ?? { prefix: '', name: path.slice(-100) };
  block.write(name, 0, 100, 'latin1');
  writeOctal(block, 100, 7, member.mode);
  writeOctal(block, 108, 7, Math.min(member.uid, MAX_OCTAL_7));
  writeOctal(block, 116, 7, Math.min(member.gid, MAX_OCTAL_7));
  writeOctal(block, 124, 11, Math.min(member.size, MAX_OCTAL_11));
  writeOctal(block, 136, 11, Math.min(Math.max(0, Math.floor(member.mtime)), MAX_OCTAL_11));
  block.write(flag ?? FLAGS[member.type], 156, 'latin1');
  block.write((member.linkPath ?? '').slice(0, 100), 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  if (member.type.endsWith('device')) {
    writeOctal(block, 329, 7, member.deviceMajor ?? 0);
    writeOctal(block, 337, 7, member.deviceMinor ?? 0);
  }
  block.write(prefix, 345, 155, 'latin1');
  writeChecksum(block);
  return block;
}

function writeOctal(block: Buffer, offset: number, digits: number, value: number): void {
  block.write(value.toString(8).padStart(digits, '0'), offset, digits, 'latin1');
}

function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0`, 148, 7, 'latin1');
}
