import { rm } from 'node:fs/promises';
import { isLongshoreError } from '../errors.ts';
import { isStream } from '../fileSystem.ts';
import { EXIT } from './exitCodes.ts';
import { cleanText } from './render/text.ts';
import { checkFilePath, placeOf, writeWhole } from './wholeFile.ts';

/**
 * Makes sure before the work that a report can be written after it, and takes away that of an earlier
 * run: where this one ends without a report, none must say that it went well.
 * @param flag the option that names it, for messages
 * @throws LongshoreError `ERR_USAGE`
 */
export async function prepareReport(file: string, flag = '--report'): Promise<void> {
  await checkFilePath(flag, file);
  if (await isStream(file)) return;
  await rm(await placeOf(file), { force: true }).catch(() => undefined);
}

/**
 * Writes the report whole or not at all.
 * @throws LongshoreError `ERR_REPORT`
 */
export async function writeReport(file: string, document: unknown): Promise<void> {
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  await writeWhole(file, text, { code: 'ERR_REPORT', what: 'the report ' });
}

/**
 * Writes what tells of a run that is over, each whether the others could be written or not.
 * @param code exit code of the run
 * @returns that, or the one of a failed run where it went well and something could not be written
 */
export async function writeReports(
  code: number,
  complain: (text: string) => void,
  writes: readonly (() => Promise<void>)[],
): Promise<number> {
  let ended = code;
  for (const write of writes) {
    try {
      await write();
    } catch (error) {
      if (!isLongshoreError(error)) throw error;
      complain(`longshore: ${cleanText(error.message)}\n`);
      if (ended === EXIT.ok) ended = EXIT.failed;
    }
  }
  return ended;
}
