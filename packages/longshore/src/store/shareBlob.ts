import { constants } from 'node:fs';
import { copyFile, link, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Digest } from '../image/index.ts';
import { removeQuietly, syncFolder, temporaryName } from './files.ts';
import { blobNotFound, writeError } from './storeErrors.ts';
import type { Store } from './types.ts';

export type SharedBy = 'reflink' | 'hardlink' | 'copy';

export interface ShareOptions {
  /**
   * `auto` takes the first that the file system allows of reflink, hard link, copy. A hard link is the
   * same file: who changes it changes the store, which its read-only mode guards against.
   * @defaultValue 'auto'
   */
  readonly mode?: 'auto' | SharedBy | undefined;
}

/**
 * Puts a blob at `destination`, atomically: a file that was there is replaced as a whole, and what is
 * there afterwards survives a power cut.
 * @returns how it was done
 * @throws LongshoreError `ERR_BLOB_NOT_FOUND`, `ERR_DISK_FULL`, `ERR_STORE_NOT_WRITABLE`, `ERR_STORE_WRITE`
 */
export async function shareBlob(
  store: Pick<Store, 'blobPath'>,
  digest: Digest,
  destination: string,
  options: ShareOptions = {},
): Promise<SharedBy> {
  const source = store.blobPath(digest);
  const temporary = temporaryName(destination);
  try {
    const how = await place(source, temporary, options.mode ?? 'auto');
    if (how !== 'hardlink') await syncFile(temporary);
    await rename(temporary, destination);
    await syncFolder(dirname(destination));
    return how;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' && (await isMissing(source))) throw blobNotFound(digest, cause);
    throw writeError(cause, destination);
  } finally {
    // Renaming over another link of the same file does nothing and leaves the temporary name.
    await removeQuietly(temporary);
  }
}

async function place(source: string, target: string, mode: 'auto' | SharedBy): Promise<SharedBy> {
  const order: readonly SharedBy[] = mode === 'auto' ? ['reflink', 'hardlink', 'copy'] : [mode];
  let failure: unknown;
  for (const how of order) {
    try {
      await WAYS[how](source, target);
      return how;
    } catch (error) {
      if (['ENOENT', 'ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')) throw error;
      failure = error;
    }
  }
  throw failure;
}

const WAYS: Readonly<Record<SharedBy, (source: string, target: string) => Promise<void>>> = {
  reflink: (source, target) => copyFile(source, target, constants.COPYFILE_FICLONE_FORCE),
  hardlink: (source, target) => link(source, target),
  copy: (source, target) => copyFile(source, target),
};

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return false;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}
