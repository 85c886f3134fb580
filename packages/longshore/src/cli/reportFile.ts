import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, LongshoreError } from '../errors.ts';
import { usageError } from './failures.ts';

/**
 * Makes sure before the work that a report can be written after it.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function checkReportPath(file: string): Promise<void> {
  const directory = await stat(path.dirname(file)).catch(() => undefined);
  if (directory?.isDirectory() !== true) {
    throw usageError(`--report: there is no directory ${path.dirname(file)}`);
  }
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw usageError(`--report: ${file} is a directory`);
}

/**
 * Writes the report whole or not at all: beside its place, synced, then renamed. What is no
 * regular file (`/dev/stderr`, a pipe) is written to directly.
 * @throws LongshoreError `ERR_REPORT`
 */
export async function writeReport(file: string, document: unknown): Promise<void> {
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
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
    throw new LongshoreError(
      `Cannot write the report ${file}: ${errnoOf(cause) ?? String(cause)}`,
      {
        code: 'ERR_REPORT',
        origin: 'disk',
        cause,
      },
    );
  }
}
