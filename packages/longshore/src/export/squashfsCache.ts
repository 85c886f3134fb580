import { mkdir, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';
import { digestHex } from '../image/index.ts';
import { diskError } from './disk.ts';
import { type ExportRequest, exportImage } from './exportImage.ts';

export interface GetSquashfsRequest extends Omit<ExportRequest, 'output'> {
  /** A directory for squashfs files, one for each image; may be shared by nodes and users. */
  readonly directory: string;
  /**
   * Permission bits of the directory when it is made; files get `options.mode`.
   * @defaultValue 0o755
   */
  readonly directoryMode?: number | undefined;
}

/**
 * The squashfs of an image, made when it is not there yet: the `get` of a pyxis importer. Files
 * are named by the manifest's digest and never change, so any number of readers and makers can
 * meet without a lock: who comes second finds the file, or replaces it by an equal one. The time
 * of last use is kept in the file's mtime, for whoever cleans up.
 *
 * A pyxis importer's `release` has nothing to do: the file stays for the next job.
 * @returns its absolute path
 */
export async function getSquashfs(request: GetSquashfsRequest): Promise<string> {
  const { directory, image } = request;
  const path = resolve(join(directory, `${digestHex(image.descriptor.digest)}.sqfs`));
  if (await touch(path)) return path;
  try {
    await mkdir(directory, { recursive: true, mode: request.directoryMode ?? 0o755 });
  } catch (error) {
    throw diskError(directory, error);
  }
  await exportImage({ ...request, output: { kind: 'squashfs', path } });
  return path;
}

async function touch(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    const now = new Date();
    // Of a file that belongs to another user this is not allowed, and then it does not matter.
    await utimes(path, now, now).catch(() => undefined);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
