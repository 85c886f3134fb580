import { realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, isLongshoreError } from '../errors.ts';
import { isStream, placeOf } from '../fileSystem.ts';
import type { CommandContext } from './commands/context.ts';
import { EXIT } from './exitCodes.ts';
import { usageError } from './failures.ts';
import { cleanText } from './render/text.ts';
import { checkFilePath, writeWhole } from './wholeFile.ts';

/** Writes one thing. @throws LongshoreError where it cannot */
type Write = () => Promise<void>;

/**
 * Makes sure before anything else that reports can be written after the work, and takes away those of an
 * earlier run: where this one ends without a report, none must say that it went well.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function prepareReports({ settings, places }: CommandContext): Promise<void> {
  const read = [settings.from, settings.file].flat().filter((file) => file !== undefined);
  const inputs = await Promise.all(read.map((file) => realOf(path.resolve(places.cwd, file))));
  for (const flag of ['report', 'junit'] as const) {
    const file = settings[flag];
    if (file !== undefined) await prepare(`--${flag}`, path.resolve(places.cwd, file), inputs);
  }
}

async function prepare(flag: string, file: string, inputs: readonly string[]): Promise<void> {
  await checkFilePath(flag, file);
  if (await isStream(file)) return;
  const place = await placeOf(file);
  if (inputs.includes(await realOf(place)))
    throw usageError(`${flag}: ${file} is read by this command`);
  try {
    await rm(place, { force: true });
  } catch (cause) {
    throw usageError(`${flag}: cannot replace ${file}: ${errnoOf(cause) ?? String(cause)}`);
  }
}

function realOf(file: string): Promise<string> {
  return realpath(file).catch(() => file);
}

/**
 * Writes what tells of a run that is over: the report, where there is to be one, and `more`, each whether
 * the others could be written or not.
 * @param code exit code of the run
 * @returns that, or the one of a failed run where it went well and something could not be written
 */
export async function writeReports(
  {
    settings,
    places,
    complain,
    given,
  }: Pick<CommandContext, 'settings' | 'places' | 'complain' | 'given'>,
  code: number,
  { document, more = [] }: { readonly document: unknown; readonly more?: readonly Write[] },
): Promise<number> {
  const { report } = settings;
  given.reported = true;
  const writes =
    report === undefined
      ? more
      : [() => writeReport(path.resolve(places.cwd, report), document), ...more];
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

/**
 * Writes the report whole or not at all.
 * @throws LongshoreError `ERR_REPORT`
 */
export async function writeReport(file: string, document: unknown): Promise<void> {
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  await writeWhole(file, text, { code: 'ERR_REPORT', what: 'the report ' });
}
