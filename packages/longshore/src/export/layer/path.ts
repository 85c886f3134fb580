import { showName } from '../tar/errors.ts';
import type { ByteString } from '../tar/types.ts';
import { layerError } from './errors.ts';

/** Linux: a component (NAME_MAX; squashfs allows one more), and a whole path with its NUL. */
const MAX_COMPONENT_BYTES = 255;
export const MAX_PATH_BYTES = 4095;

/**
 * A name of an archive as a path below the image's root: no slash at either end, `.` and inner
 * `..` resolved by text as all unpackers do. The root is the empty string. A leading slash means
 * the image's root, as for Docker, containerd and umoci.
 * @throws LongshoreError `ERR_LAYER_PATH` for names that lead out of the root, hold a NUL, or are
 *   longer than Linux allows
 */
export function cleanPath(raw: ByteString): ByteString {
  if (isClean(raw)) return raw;
  if (raw.includes('\0')) throw badPath(raw, 'it holds a NUL');
  const parts: string[] = [];
  for (const part of raw.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw badPath(raw, 'it leads out of the image');
  }
  if (parts.some((part) => part.length > MAX_COMPONENT_BYTES)) {
    throw badPath(raw, `a part of it is longer than ${MAX_COMPONENT_BYTES} bytes`);
  }
  const path = parts.join('/');
  if (path.length > MAX_PATH_BYTES) throw badPath(raw, `it is longer than ${MAX_PATH_BYTES} bytes`);
  return path;
}

/** Most names need no work; short ones can break no length limit. */
function isClean(raw: string): boolean {
  return raw.length <= MAX_COMPONENT_BYTES && CLEAN.test(raw) && !raw.includes('\0');
}

// No empty part, and none that starts with a dot: `.` and `..` are among those.
const CLEAN = /^[^/.][^/]*(?:\/[^/.][^/]*)*$/;

/** Divides a clean path into its directory and its last part. */
export function splitLast(path: ByteString): { directory: ByteString; name: ByteString } {
  const slash = path.lastIndexOf('/');
  return { directory: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

function badPath(raw: string, reason: string): Error {
  return layerError('PATH', `The name ${showName(raw)} is refused: ${reason}`);
}
