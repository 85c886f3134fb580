import { fstat, type Stats } from 'node:fs';
import { mkdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './errors.ts';

/** Names of what `statfs` gives as a number (Linux, linux/magic.h). */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb'],
  [0x0bd00bd0, 'lustre'],
  [0x19830326, 'beegfs'],
  [0x47504653, 'gpfs'],
  [0x00c36400, 'ceph'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
  [0xf2f52010, 'f2fs'],
]);

/** Those that ask nobody else about a name. */
const LOCAL: ReadonlySet<string> = new Set(['ext4', 'xfs', 'btrfs', 'tmpfs', 'overlay', 'f2fs']);

/** What kind of file system it is, by the `type` of `statfs`; `undefined` for one that is not known. */
export function fileSystemName(type: number): string | undefined {
  return process.platform === 'linux' ? NAMES.get(type) : undefined;
}

/** Whether it is on this machine, so that looking at a name takes microseconds; no where it is not known. */
export function isLocalFileSystem(type: number): boolean {
  return LOCAL.has(fileSystemName(type) ?? '');
}

/** The open files of a process: `/dev/stdout` leads to one, `/dev/fd` to all. */
const OPEN_FILE = /^\/proc\/([^/]+)\/fd\/(\d+)$/;
/** As many as the kernel follows. */
const MOST_LINKS = 40;

/**
 * Whether what is there is written to as it is and must not be replaced by another file: a pipe, a device,
 * or a file that some process has open already, such as `/dev/stdout`, wherever that goes.
 */
export async function isStream(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined || there.isDirectory()) return false;
  return !there.isFile() || OPEN_FILE.test(await placeOf(path));
}

/** Which open file of this process it leads to; `undefined` for anything else. */
export async function ownDescriptor(path: string): Promise<number | undefined> {
  const [, owner = '', descriptor] = OPEN_FILE.exec(await placeOf(path)) ?? [];
  const isOwn = owner === 'self' || Number(owner) === process.pid;
  return isOwn ? Number(descriptor) : undefined;
}

/** Whether it is what this process prints to. */
export async function isStdout(path: string): Promise<boolean> {
  const [there, stdout] = await Promise.all([stat(path).catch(() => undefined), fileOf(1)]);
  return there !== undefined && there.dev === stdout?.dev && there.ino === stdout.ino;
}

function fileOf(descriptor: number): Promise<Stats | undefined> {
  const { promise, resolve: settle } = Promise.withResolvers<Stats | undefined>();
  fstat(descriptor, (_error, stats) => settle(stats));
  return promise;
}

/**
 * Where a link leads, though nothing is there yet: the link stays, and what it leads to is written. The name
 * of an open file is the end of the way.
 * @throws `ELOOP` of `node:fs` for links that lead to each other
 */
export async function placeOf(path: string): Promise<string> {
  let at = path.replace(/^\/dev\/fd\//, '/proc/self/fd/');
  for (let links = 0; links < MOST_LINKS && !OPEN_FILE.test(at); links += 1) {
    const next = await follow(at);
    if (next === undefined) return at;
    at = next;
  }
  await stat(path);
  return at;
}

/** What a link says, from the folder that it is in; `undefined` for what is no link. */
async function follow(link: string): Promise<string | undefined> {
  const target = await readlink(link).catch(() => undefined);
  if (target === undefined) return undefined;
  const folder = dirname(link);
  return resolve(await realpath(folder).catch(() => folder), target);
}

/**
 * Makes a folder, and those above it that are missing. Node's own `recursive` goes round for ever where
 * the parent is there and yet nothing can be made in it (`/proc`).
 * @param mode of all that are made; what the umask leaves of it
 * @returns the first of those that were made; `undefined` when all were there
 * @throws what `mkdir` of `node:fs` throws
 */
export async function makeFolders(path: string, mode?: number): Promise<string | undefined> {
  const failure = await tryMake(path, mode);
  if (failure === undefined) return path;
  if (await isFolder(path)) return undefined;
  const parent = dirname(path);
  if (errnoOf(failure) !== 'ENOENT' || parent === path) throw failure;
  const first = await makeFolders(parent, mode);
  const again = await tryMake(path, mode);
  if (again === undefined) return first ?? path;
  if (await isFolder(path)) return first;
  throw again;
}

async function tryMake(path: string, mode: number | undefined): Promise<unknown> {
  try {
    await mkdir(path, { mode });
    return undefined;
  } catch (error) {
    return error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
