import { randomBytes } from 'node:crypto';
import { access, chmod, constants, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { isStream, makeFolders } from '../fileSystem.ts';
import { isGroupFolder } from '../store/index.ts';
import { WriteBehind } from './writeBehind.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const INCAPABLE = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** An error of the file system, said so that a person can act on it. */
export function diskError(path: string, error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof LongshoreError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) {
    return error;
  }
  if (FULL.has(code)) {
    return new LongshoreError(`The disk is full: writing ${path} failed with ${code}`, {
      code: 'ERR_DISK_FULL',
      origin: 'disk',
      hint: 'Make room (bytes, inodes and quota), or write to another file system',
      cause: error,
    });
  }
  if (code.startsWith('ERR_')) return error;
  if (code === 'EPIPE') {
    return new LongshoreError(`Whoever read ${path} has gone before its end`, {
      code: 'ERR_OUTPUT_WRITE',
      origin: 'disk',
      cause: error,
    });
  }
  if (INCAPABLE.has(code)) {
    return new LongshoreError(`${path} cannot be written: its file system answers ${code}`, {
      code: 'ERR_OUTPUT_WRITE',
      origin: 'disk',
      hint: 'It cannot hold links, it seems; choose another for a tree, or write sif:, squashfs: or an archive to it',
      cause: error,
    });
  }
  return new LongshoreError(`${path} cannot be written: ${code}`, {
    code: 'ERR_OUTPUT_WRITE',
    origin: 'disk',
    hint: 'Check that the directory exists and is yours to write to',
    cause: error,
  });
}

/** A name beside `path` that nobody else uses: hidden, and telling what it will be. */
export function partialName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
}

/**
 * Makes a directory for outputs, and those above it. Within a group's folder (set-gid and writable by
 * the group) they are made for the group too, whatever the umask says.
 * @throws LongshoreError `ERR_DISK_FULL`, `ERR_OUTPUT_WRITE`
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    const first = await makeFolders(path);
    if (first === undefined || !(await isGroupFolder(dirname(first)))) return;
    const bits = (await stat(dirname(first))).mode & 0o7777;
    for (let at = path; at.length >= first.length; at = dirname(at)) await chmod(at, bits);
  } catch (error) {
    throw diskError(path, error);
  }
}

/**
 * Permission bits for a file that others are to read: those of `usual` that the umask leaves, and all
 * of them in a group's folder.
 */
export async function sharedMode(path: string, usual: number): Promise<number> {
  if (await isGroupFolder(dirname(path))) return usual;
  // Asking `process.umask()` would set it for a moment, for all threads.
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const umask = /^Umask:\s*([0-7]+)$/m.exec(status)?.[1] ?? '022';
  return usual & ~Number.parseInt(umask, 8);
}

/**
 * Writes a file under another name and puts it in place when it is whole; takes it away again
 * when `write` fails. Readers see the old file or the new one, also on network file systems.
 * @throws LongshoreError `ERR_DISK_FULL`, `ERR_OUTPUT_WRITE`; else what `write` throws
 */
export async function replaceFile(
  path: string,
  mode: number,
  write: (partial: string) => Promise<void>,
): Promise<void> {
  const partial = partialName(path);
  try {
    if (await isStream(path)) throw noFile(path);
    // Known at once, and by its reason; a converter would only say that it failed.
    await access(dirname(path), constants.W_OK);
    await writeTo(partial, write);
    const file = await open(partial, 'r+');
    try {
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw diskError(path, error);
  }
}

function noFile(path: string): LongshoreError {
  return new LongshoreError(`${path} is no regular file`, {
    code: 'ERR_OUTPUT_WRITE',
    origin: 'disk',
    hint: 'Only archives can be written to a pipe or a device',
  });
}

async function writeTo(partial: string, write: (partial: string) => Promise<void>): Promise<void> {
  await using behind = new WriteBehind(partial);
  await write(partial);
  await behind.end();
}
