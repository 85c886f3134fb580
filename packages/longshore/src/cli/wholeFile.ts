import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { usageError } from './failures.ts';

/**
 * Makes sure before the work that a file can be written after it.
 * @param flag the option that names it, for messages
 * @throws LongshoreError `ERR_USAGE`
 */
export async function checkFilePath(flag: string, file: string): Promise<void> {
  const directory = await stat(path.dirname(file)).catch(() => undefined);
  if (directory?.isDirectory() !== true) {
    throw usageError(`${flag}: there is no directory ${path.dirname(file)}`);
  }
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw usageError(`${flag}: ${file} is a directory`);
}

/**
 * Writes a text file whole or not at all: beside its place, synced, then renamed. What is no
 * regular file (`/dev/stderr`, a pipe) is written to directly.
 * @throws LongshoreError `ERR_OUTPUT`, or the code that is given
 */
export async function writeWhole(
  file: string,
  text: string,
  { code = 'ERR_OUTPUT', what = '' }: { readonly code?: string; readonly what?: string } = {},
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const there = await stat(file).catch(() => undefined);
    if (there !== undefined && !there.isFile()) {
      await writeFile(file, text);
      return;
    }
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new LongshoreError(`Cannot write ${what}${file}: ${errnoOf(cause) ?? String(cause)}`, {
      code,
      origin: 'disk',
      cause,
    });
  }
}
