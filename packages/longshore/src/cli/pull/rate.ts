import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { RateLimit } from '../../transfer/index.ts';
import { usageError } from '../failures.ts';
import { parseRate } from '../settings/units.ts';

/** How often a file that holds the rate is looked at. */
const LOOK_MS = 1000;

export interface WatchedRate extends Disposable {
  readonly limit: RateLimit;
}

/**
 * The cap of `--limit-rate`: a rate, or `@FILE`, which is read again every second while the pull runs.
 * What a file says after the start is only followed where it is a rate.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function openRate(text: string, cwd: string): Promise<WatchedRate> {
  if (!text.startsWith('@')) {
    return { limit: new RateLimit(read(text)), [Symbol.dispose]: () => undefined };
  }
  const file = path.resolve(cwd, text.slice(1));
  const limit = new RateLimit(read(await readRateFile(file)));
  const timer = setInterval(() => void follow(limit, file), LOOK_MS);
  timer.unref();
  return { limit, [Symbol.dispose]: () => clearInterval(timer) };
}

function read(text: string): number {
  const rate = parseRate(text);
  if (rate.ok) return rate.value;
  throw usageError(`--limit-rate: ${rate.reason}`);
}

async function readRateFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw usageError(
      `--limit-rate: cannot read ${file}`,
      'Write a rate into it, for example 20MB/s',
      cause,
    );
  }
}

async function follow(limit: RateLimit, file: string): Promise<void> {
  try {
    const rate = parseRate((await readFile(file, 'utf8')).trim());
    if (rate.ok && rate.value !== limit.bytesPerSecond) limit.bytesPerSecond = rate.value;
  } catch {
    // The file is being replaced, or gone: the rate stays.
  }
}
