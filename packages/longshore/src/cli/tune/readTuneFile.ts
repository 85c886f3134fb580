import { readFile, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';
import type { TuneResults } from '../../tune/index.ts';
import { usageError } from '../failures.ts';

/** Larger than any experiment; keeps a mistaken file from filling the memory. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads a recorded sweep (CSV) or the results of an experiment (JSON).
 * @param shown the name as it was given, for messages
 * @throws LongshoreError `ERR_USAGE` for what cannot be read, `ERR_TUNE_CSV`, `ERR_TUNE_RESULTS`
 */
export async function readTuneFile(file: string, shown: string): Promise<TuneResults> {
  const { parseResults, parseSweep } = await import('../../tune/index.ts');
  const text = await readText(file, shown);
  const isJson = file.endsWith('.json') || text.trimStart().startsWith('{');
  return isJson ? parseResults(text, shown) : parseSweep(text, shown);
}

async function readText(file: string, shown: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size <= MAX_BYTES) return await readFile(file, 'utf8');
  } catch (cause) {
    throw usageError(`Cannot read ${shown}: ${errnoOf(cause) ?? String(cause)}`);
  }
  throw usageError(`${shown} is over 256 MiB; is it the right file?`);
}
