import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import type { LongshoreCommand } from './rivals.ts';

/** Medians of the wall time, in seconds. */
export interface Startup {
  readonly longshoreVersion: number;
  readonly emptyNode: number;
}

const RUNS = 30;

/** `longshore --version` beside a Node that does nothing, by hyperfine. */
export async function measureStartup(
  longshore: LongshoreCommand,
  folder: string,
): Promise<Startup> {
  const file = join(folder, 'hyperfine.json');
  const { program, args } = longshore('--version');
  const quoted = [program, ...args].map((word) => `'${word}'`).join(' ');
  await mustRun('hyperfine', [
    '--shell=none',
    '--warmup=3',
    `--runs=${RUNS}`,
    `--export-json=${file}`,
    quoted,
    `'${program}' -e 0`,
  ]);
  const { results } = JSON.parse(await readFile(file, 'utf8')) as {
    readonly results: readonly { readonly median: number }[];
  };
  return {
    longshoreVersion: results[0]?.median ?? Number.NaN,
    emptyNode: results[1]?.median ?? Number.NaN,
  };
}
