import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, isAbsent } from '../errors.ts';
import { type NameIo, POOLED_NAMES } from './nameIo.ts';
import { writeError } from './storeErrors.ts';

/** Permission bits that a store gives its files; `undefined` leaves them to the umask. */
export interface StoreModes {
  readonly directory: number | undefined;
  readonly file: number | undefined;
  /** For published blobs, taken from 0666 less the umask. */
  readonly blob: number;
}

/** The umask decides; for what only reads and removes. */
export const PLAIN_MODES: StoreModes = { directory: undefined, file: undefined, blob: 0o444 };

/** A name beside `path` that nobody else uses; starts with a dot, so that listings pass over it. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

export function isTemporaryName(fileName: string): boolean {
  return fileName.startsWith('.') && fileName.endsWith('.tmp');
}

const GROUP_FOLDER = 0o2020;

/**
 * Whether a folder was made for a group: `chmod 2775` or `2770`. What is made in it gets its group by
 * set-gid, but its permissions by the umask of whoever comes first.
 */
export async function isGroupFolder(path: string): Promise<boolean> {
  try {
    return ((await stat(path)).mode & GROUP_FOLDER) === GROUP_FOLDER;
  } catch {
    return false;
  }
}

/** How files of the store in this folder are made: for its group where it is one's, else by the umask. */
export async function storeModes(
  root: string,
  options: {
    readonly groupShared?: boolean | undefined;
    readonly blobMode?: number | undefined;
  } = {},
): Promise<StoreModes> {
  const { groupShared = await isGroupFolder(root), blobMode = 0o444 } = options;
  return {
    directory: groupShared ? 0o2775 : undefined,
    file: groupShared ? 0o664 : undefined,
    blob: blobMode,
  };
}

export interface ReplaceFileOptions {
  readonly mode?: number | undefined;
  /**
   * Whether the folder is synced too, so that the new name survives a power cut.
   * @defaultValue true
   */
  readonly syncFolder?: boolean | undefined;
}

/**
 * Replaces a whole file: readers see the old or the new one, also after a power cut.
 * @throws LongshoreError `ERR_DISK_FULL`, `ERR_STORE_NOT_WRITABLE`, `ERR_STORE_WRITE`
 */
export async function replaceFile(
  path: string,
  data: string | Uint8Array,
  options: ReplaceFileOptions = {},
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, data, options.mode);
    await rename(temporary, path);
    if (options.syncFolder !== false) await syncFolder(dirname(path));
  } catch (cause) {
    await removeQuietly(temporary);
    throw writeError(cause, path);
  }
}

async function writeSynced(
  path: string,
  data: string | Uint8Array,
  mode: number | undefined,
): Promise<void> {
  const handle = await open(path, 'wx', 0o666);
  try {
    await handle.writeFile(data);
    if (mode !== undefined) await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames in a folder durable. File systems that cannot sync a folder are taken as they are. */
export async function syncFolder(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (isUnsupported(error)) return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  } finally {
    await handle.close();
  }
}

function isUnsupported(error: unknown): boolean {
  return ['EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM', 'EACCES', 'EBADF'].includes(errnoOf(error) ?? '');
}

export async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {
    // Gone already, or not ours to remove: whoever prunes next sees it.
  }
}

/** Removes a folder, unless something is in it or it is not ours to remove. True when it is gone. */
export async function removeFolderQuietly(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}

/** Names in a folder; none where there is no folder. */
export async function listFolder(
  path: string,
  names: Pick<NameIo, 'list'> = POOLED_NAMES,
): Promise<string[]> {
  try {
    return await names.list(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Runs `work` over all items, at most `width` at once; results in the order of the items. */
export async function mapBounded<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
