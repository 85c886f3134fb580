import { stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';
import { digestHex } from '../image/index.ts';
import { makeDirectory } from './disk.ts';
import { type ExportRequest, exportImage } from './exportImage.ts';

export interface GetSquashfsRequest extends Omit<ExportRequest, 'output'> {
  /** A directory for squashfs files, one for each image; may be shared by nodes and users. */
  readonly directory: string;
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
  await makeDirectory(directory);
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
