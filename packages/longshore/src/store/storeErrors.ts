import { errnoOf, isLongshoreError, LongshoreError } from '../errors.ts';
import type { Digest } from '../image/index.ts';

/** Turns what the operating system said about a write into an error for a person. */
export function writeError(cause: unknown, path: string): LongshoreError {
  if (isLongshoreError(cause)) return cause;
  const errno = errnoOf(cause);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const what = errno === 'ENOSPC' ? 'The disk is full' : 'The disk quota is used up';
    return new LongshoreError(`${what}: could not write ${path}`, {
      code: 'ERR_DISK_FULL',
      origin: 'disk',
      hint: 'Free some space (longshore cache prune), or put the store elsewhere with --store; what is there is kept and the next run goes on from it',
      cause,
    });
  }
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS') {
    const why = errno === 'EROFS' ? 'the file system is read-only' : 'permission denied';
    return new LongshoreError(`The store cannot be written: ${path}: ${why}`, {
      code: 'ERR_STORE_NOT_WRITABLE',
      origin: 'store',
      hint: 'Choose a store that you may write with --store, or ask its owner for group write access',
      cause,
    });
  }
  const isFile = errno === 'EEXIST' || errno === 'ENOTDIR';
  return new LongshoreError(`Could not write ${path}: ${reasonOf(cause)}`, {
    code: 'ERR_STORE_WRITE',
    origin: 'disk',
    hint: isFile
      ? 'A file is where a directory should be: give the store another place with --store'
      : 'Look at the disk and its mount (dmesg), then run the command again',
    cause,
  });
}

/** Turns what the operating system said about a read into an error for a person. */
export function readError(cause: unknown, path: string): LongshoreError {
  if (isLongshoreError(cause)) return cause;
  return new LongshoreError(`Could not read ${path}: ${reasonOf(cause)}`, {
    code: 'ERR_STORE_READ',
    origin: 'disk',
    hint: 'Check the permissions of the store and the health of its disk',
    cause,
  });
}

export function blobNotFound(digest: Digest, cause?: unknown): LongshoreError {
  return new LongshoreError(`The store does not have the blob ${digest}`, {
    code: 'ERR_BLOB_NOT_FOUND',
    origin: 'store',
    hint: 'Pull the image again; longshore cache verify shows what else is missing',
    cause,
  });
}

export function digestMismatch(expected: Digest, found: Digest): LongshoreError {
  return new LongshoreError(`The content does not match its digest ${expected}: it is ${found}`, {
    code: 'ERR_DIGEST_MISMATCH',
    origin: 'registry',
    retryable: true,
    hint: 'What came was thrown away; if it happens again, the registry or something before it serves damaged data',
  });
}

export function leaseLost(digest: Digest): LongshoreError {
  return new LongshoreError(`Another process has taken over the download of ${digest}`, {
    code: 'ERR_LEASE_LOST',
    origin: 'store',
    retryable: true,
    hint: 'This process was stopped, or could not reach the store, for too long; trying again waits for the other one',
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
