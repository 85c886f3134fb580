import { access, constants, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { isStream, placeOf } from '../fileSystem.ts';
import { writeToStream } from '../streamFile.ts';
import { usageError } from './failures.ts';

/**
 * Makes sure before the work that a file can be written after it.
 * @param flag the option that names it, for messages
 * @throws LongshoreError `ERR_USAGE`
 */
export async function checkFilePath(flag: string, file: string): Promise<void> {
  if (await isStream(file)) return;
  const folder = path.dirname(await placeFor(flag, file));
  const directory = await stat(folder).catch(() => undefined);
  if (directory?.isDirectory() !== true) {
    throw usageError(`${flag}: there is no directory ${folder}`);
  }
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw usageError(`${flag}: ${file} is a directory`);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw usageError(`${flag}: cannot write in ${folder}: ${errnoOf(cause) ?? String(cause)}`);
  }
}

/**
 * Writes a text file whole or not at all: beside its place, synced, then renamed. What is open already
 * or no regular file (`/dev/stderr`, a pipe) is written to as it is.
 * @throws LongshoreError `ERR_OUTPUT`, or the code that is given
 */
export async function writeWhole(
  file: string,
  text: string,
  { code = 'ERR_OUTPUT', what = '' }: { readonly code?: string; readonly what?: string } = {},
): Promise<void> {
  let temporary: string | undefined;
  try {
    if (await isStream(file)) {
      await writeToStream(file, [Buffer.from(text)]);
      return;
    }
    const place = await placeOf(file);
    temporary = `${place}.${process.pid}.tmp`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, place);
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    throw new LongshoreError(`Cannot write ${what}${file}: ${errnoOf(cause) ?? String(cause)}`, {
      code,
      origin: 'disk',
      cause,
    });
  }
}

async function placeFor(flag: string, file: string): Promise<string> {
  try {
    return await placeOf(file);
  } catch (cause) {
    throw usageError(`${flag}: ${file} leads nowhere: ${errnoOf(cause) ?? String(cause)}`);
  }
}
