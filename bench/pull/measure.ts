import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../packages/longshore/test/interop/support/programs.ts';

/** A program to be measured, ready to run. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What one whole process cost, from start to exit. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system together, children included. */
  readonly cpuSeconds: number;
  readonly maxRssMib: number;
}

/** A run with what it cost and what it said. */
export interface MeasuredRun extends Cost {
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 15 * 60_000;

/**
 * Runs a command under GNU time.
 * @throws Error when it fails: a failed run has no time worth noting
 */
export async function measure(command: Command): Promise<MeasuredRun> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-time-'));
  try {
    const file = join(folder, 'time');
    const args = ['-v', '-o', file, command.program, ...command.args];
    const env = command.env ?? {};
    const began = performance.now();
    const result = await runProgram('/usr/bin/time', args, { env, timeoutMs: TIMEOUT_MS });
    const wallSeconds = (performance.now() - began) / 1000;
    if (result.status !== 0) {
      throw new Error(
        `${command.program} ${command.args.join(' ')}: exit ${result.status}\n${result.stderr}`,
      );
    }
    const text = await readFile(file, 'utf8');
    return {
      wallSeconds,
      cpuSeconds: field(text, 'User time (seconds)') + field(text, 'System time (seconds)'),
      maxRssMib: field(text, 'Maximum resident set size (kbytes)') / 1024,
      stdout: result.stdout,
      stderr: result.stderr,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function field(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.trim().startsWith(`${name}:`));
  const value = Number(line?.slice(line.lastIndexOf(':') + 1));
  if (line === undefined || Number.isNaN(value)) {
    throw new Error(`GNU time did not tell "${name}":\n${text}`);
  }
  return value;
}

/** The middle value; the mean of the two in the middle of an even number of them. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** The same values in an order that chance decides. */
export function shuffle<T>(values: readonly T[]): readonly T[] {
  return values
    .map((value) => ({ value, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value);
}
