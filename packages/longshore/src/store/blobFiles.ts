import { rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { type Digest, isDigest } from '../image/index.ts';
import { isTemporaryName, listFolder, mapBounded, temporaryName } from './files.ts';
import { BLOB_ALGORITHMS, type StoreLayout } from './layout.ts';
import { readError } from './storeErrors.ts';

/** A published blob as the file system shows it. */
export interface BlobFile {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
  readonly inode: bigint;
  /** When it was published or last used, by the clock of the file system. */
  readonly usedAtMs: number;
  /** More than one when it is shared with a copy outside by a hard link. */
  readonly links: number;
}

const STAT_WIDTH = 32;

/** All published blobs, and the names of files in `blobs/` that are none. */
export async function listBlobFiles(
  layout: StoreLayout,
): Promise<{ readonly blobs: readonly BlobFile[]; readonly foreign: readonly string[] }> {
  const blobs: BlobFile[] = [];
  const foreign: string[] = [];
  for (const algorithm of BLOB_ALGORITHMS) {
    const folder = join(layout.blobs, algorithm);
    const found = await mapBounded(await namesIn(folder), STAT_WIDTH, async (name) => {
      const digest = `${algorithm}:${name}`;
      const path = join(folder, name);
      if (isDigest(digest)) return readBlobFile(digest, path);
      if (!isTemporaryName(name)) foreign.push(path);
      return undefined;
    });
    blobs.push(...found.filter((blob) => blob !== undefined));
  }
  return { blobs, foreign: foreign.sort() };
}

/** `undefined` when it is gone. */
async function readBlobFile(digest: Digest, path: string): Promise<BlobFile | undefined> {
  try {
    const { size, ino, mtimeMs, ctimeMs, nlink } = await stat(path, { bigint: true });
    const usedAtMs = Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
    return { digest, path, size: Number(size), inode: ino, usedAtMs, links: Number(nlink) };
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw readError(cause, path);
  }
}

/**
 * Removes a blob unless `mayGo` says no to what was really there. It is renamed first: whoever marks it as
 * used before the rename is seen afterwards, and whoever comes after it finds no blob.
 */
export async function removeBlobFile(
  blob: BlobFile,
  mayGo: (found: BlobFile) => boolean,
): Promise<boolean> {
  const aside = temporaryName(blob.path);
  try {
    // The rename itself counts as a change of the inode: only what came before it may speak.
    const before = await readBlobFile(blob.digest, blob.path);
    if (before === undefined || !mayGo(before)) return false;
    await rename(blob.path, aside);
    const { ino, mtimeMs } = await stat(aside, { bigint: true });
    if (ino === before.inode && mayGo({ ...before, usedAtMs: Number(mtimeMs) })) {
      await unlink(aside);
      return true;
    }
    await rename(aside, blob.path);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await listFolder(folder)).sort();
  } catch (cause) {
    throw readError(cause, folder);
  }
}
