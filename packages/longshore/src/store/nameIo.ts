import {
  chmodSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { chmod, mkdir, open, readdir, stat, statfs } from 'node:fs/promises';
import { isLocalFileSystem, makeFolders } from '../fileSystem.ts';

/** There at once, or later: to be awaited. */
type Soon<T> = T | Promise<T>;

/** What is done to names before a blob moves, while a connection waits. Errors are those of `node:fs`. */
export interface NameIo {
  stat(path: string): Soon<{ readonly size: number; readonly mtimeMs: number }>;
  list(path: string): Soon<string[]>;
  /** @returns the first of the folders that were made */
  makeFolders(path: string): Soon<string | undefined>;
  makeFolder(path: string): Soon<unknown>;
  setMode(path: string, mode: number): Soon<unknown>;
  /** Makes a file that must not be there. @param mode `undefined` leaves it to the umask */
  create(path: string, text: string, mode: number | undefined): Soon<unknown>;
}

/** On the thread pool: each call takes a turn of the event loop, whatever the file system does. */
export const POOLED_NAMES: NameIo = {
  stat: (path) => stat(path),
  list: (path) => readdir(path),
  makeFolders: (path) => makeFolders(path),
  makeFolder: (path) => mkdir(path),
  setMode: (path, mode) => chmod(path, mode),
  async create(path, text, mode) {
    const file = await open(path, 'wx', 0o666);
    try {
      await file.write(text, 0);
      if (mode !== undefined) await file.chmod(mode);
    } finally {
      await file.close();
    }
  },
};

/**
 * Blocking. While blobs move a turn of the event loop takes tens of milliseconds, and a call to a local
 * file system some twenty microseconds: to open a blob took a dozen turns (docs/adr/0025).
 */
export const BLOCKING_NAMES: NameIo = {
  stat: (path) => statSync(path),
  list: (path) => readdirSync(path),
  makeFolders: (path) => mkdirSync(path, { recursive: true }),
  makeFolder: (path) => mkdirSync(path),
  setMode: (path, mode) => chmodSync(path, mode),
  create(path, text, mode) {
    const fd = openSync(path, 'wx', 0o666);
    try {
      writeSync(fd, text, 0);
      if (mode !== undefined) fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  },
};

/** What suits the file system of a folder: one across a network may take its time. */
export async function namesFor(folder: string): Promise<NameIo> {
  try {
    return isLocalFileSystem((await statfs(folder)).type) ? BLOCKING_NAMES : POOLED_NAMES;
  } catch {
    return POOLED_NAMES;
  }
}
