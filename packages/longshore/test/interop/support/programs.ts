import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a program said once it had ended. */
export interface ProgramResult {
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** @defaultValue 120,000 */
  readonly timeoutMs?: number;
}

const PROGRAM_TIMEOUT_MS = 120_000;
const STOP_GRACE_MS = 10_000;

/** Where a program is, looked for as root would, or `undefined`. */
export function findProgram(name: string): string | undefined {
  // A user's PATH lacks sbin, where Debian keeps nginx and dockerd.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * What a test's `skip` takes: `false` when all the programs are there, else the reason, which is
 * also printed where it cannot be overlooked.
 * @throws Error in CI, where a missing program is a broken setup and not an excuse
 */
export function skipWithout(...names: readonly string[]): false | string {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) {
    return false;
  }
  const reason = `SKIPPED: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed`;
  if (process.env['CI'] === 'true') {
    throw new Error(`${reason}; .ci/run should have installed it`);
  }
  process.stderr.write(`\n*** ${reason} ***\n`);
  return reason;
}

/** Runs a program to its end and gives what it said, whatever its status. */
export async function runProgram(
  name: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const child = spawn(findProgram(name) ?? name, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? PROGRAM_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that does not read its input closes the pipe early, which is no failure.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) =>
      resolve({
        status: status ?? undefined,
        signal: signal ?? undefined,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Runs a program that has to succeed and gives its stdout. */
export async function mustRun(
  name: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await runProgram(name, args, options);
  if (result.status !== 0) {
    throw new Error(
      `${name} ${args.join(' ')}: ${result.signal ?? `exit ${result.status}`}\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

/** A program that runs until it is stopped. */
export interface Service extends AsyncDisposable {
  readonly pid: number;
  /** All that it has printed so far. */
  output(): string;
  /** The first match of `pattern` in what it prints. Rejects when it ends, or at the deadline. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
}

// A test that runs into its time limit never gets to dispose of what it started.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
});

/** Starts a program that serves until it is disposed of. */
export function startService(
  name: string,
  args: readonly string[],
  options: Pick<ProgramOptions, 'cwd' | 'env'> = {},
): Service {
  const child = spawn(findProgram(name) ?? name, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) {
      listener();
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      tell();
    });
  }
  child.once('error', (error) => {
    output += String(error);
    tell();
  });
  child.once('close', tell);
  return {
    pid: child.pid ?? -1,
    output: () => output,
    says(pattern, timeoutMs = 30_000) {
      return new Promise((resolve, reject) => {
        const settle = (action: () => void): void => {
          listeners.delete(look);
          clearTimeout(timer);
          action();
        };
        const look = (): void => {
          const match = pattern.exec(output);
          if (match !== null) {
            settle(() => resolve(match));
          } else if (child.pid === undefined || hasEnded(child)) {
            settle(() => reject(new Error(`${name} ended before it said ${pattern}:\n${output}`)));
          }
        };
        const timer = setTimeout(() => {
          settle(() => reject(new Error(`${name} did not say ${pattern}:\n${output}`)));
        }, timeoutMs);
        listeners.add(look);
        look();
      });
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) {
    return;
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
