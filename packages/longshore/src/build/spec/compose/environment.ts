import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../../errors.ts';
import type { Report } from '../tree.ts';
import { parseDotEnv } from './dotEnv.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment with what `.env` files add to it. What is set already wins over files, a later
 * file over an earlier one.
 * @param files - absolute; those that have to be there, else `.env` of the folder if there is one
 */
export async function withDotEnv(
  environment: Environment,
  options: {
    readonly folder: string;
    readonly files?: readonly string[] | undefined;
    readonly report: Report;
  },
): Promise<Environment> {
  const { folder, files, report } = options;
  const added = new Map<string, string>();
  for (const file of files ?? [path.join(folder, '.env')]) {
    const text = await readEnvFile(file, files !== undefined, report);
    if (text === undefined) continue;
    const { values, problems } = parseDotEnv(text, {
      ...Object.fromEntries(added),
      ...environment,
    });
    for (const { line, message } of problems) report({ file, line, column: 1 }, message);
    for (const [name, value] of values) added.set(name, value);
  }
  return { ...Object.fromEntries(added), ...environment };
}

async function readEnvFile(
  file: string,
  required: boolean,
  report: Report,
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (!required && (errno === 'ENOENT' || errno === 'EISDIR')) return undefined;
    report({ file }, errno === 'ENOENT' ? 'there is no such file' : `cannot be read: ${errno}`);
    return undefined;
  }
}
