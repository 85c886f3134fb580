import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { descendantsOf, kill, killAll } from './descendants.ts';
import { OutputLines } from './outputLines.ts';

export interface ProgramRun {
  readonly path: string;
  readonly args: readonly string[];
  /** The whole environment, not an addition to this process's. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  /** @defaultValue nothing: an empty input */
  readonly input?: string | undefined;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly signal: AbortSignal;
  /** How long an aborted program has to clean up before it is killed. @defaultValue 5000 */
  readonly graceMs?: number | undefined;
}

/** How a program ended: by itself with a code, or by a signal that was not ours. */
export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals };

/** After a program has ended, what it disowned may hold its pipes open: no longer than this. */
const PIPE_GRACE_MS = 1000;

/**
 * Runs a program to its end, as the leader of a process group of its own: Ctrl-C at a terminal is
 * then ours to translate. Aborted: SIGTERM to the group, after the grace SIGKILL to it and to all
 * that the program had started, containers in their own sessions among them.
 * @returns how it ended; when this returns or throws, the process and its group are gone
 * @throws the signal's reason; what `spawn` throws (`ENOENT`)
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const { signal } = run;
  signal.throwIfAborted();
  const child = spawn(run.path, run.args, {
    cwd: run.cwd,
    env: { ...run.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = endOf(child);
  giveInput(child.stdin, run.input);
  const outputs = [readLines(child.stdout, 'stdout', run), readLines(child.stderr, 'stderr', run)];
  let stopping: Promise<void> | undefined;
  const stop = (): void => void (stopping ??= stopGroup(child, ended, run.graceMs ?? 5000));
  signal.addEventListener('abort', stop);
  try {
    const end = await ended;
    // A builder that was killed leaves its children behind, in its group at least.
    if (child.pid !== undefined) kill(-child.pid, 'SIGKILL');
    await drained(child, outputs);
    await stopping;
    signal.throwIfAborted();
    return end;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function endOf(child: ChildProcess): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve({ kind: 'signal', signal });
      else resolve({ kind: 'exit', code: code ?? 1 });
    });
  });
}

async function stopGroup(
  child: ChildProcess,
  ended: Promise<unknown>,
  graceMs: number,
): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const started = await descendantsOf(pid);
  kill(-pid, 'SIGTERM');
  const timer = setTimeout(() => {
    void killAll(started);
    kill(-pid, 'SIGKILL');
  }, graceMs);
  await ended.catch(() => undefined);
  clearTimeout(timer);
  kill(-pid, 'SIGKILL');
  await killAll(started);
}

function giveInput(stdin: Writable, input = ''): void {
  // A program that does not read its input closes the pipe early, which is no failure.
  stdin.on('error', () => undefined);
  stdin.end(input);
}

function readLines(stream: Readable, name: 'stdout' | 'stderr', run: ProgramRun): Promise<void> {
  const lines = new OutputLines((line) => run.onLine(line, name));
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => lines.push(chunk));
    stream.once('close', () => {
      lines.end();
      resolve();
    });
  });
}

async function drained(child: ChildProcess, outputs: readonly Promise<void>[]): Promise<void> {
  const timer = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, PIPE_GRACE_MS);
  await Promise.all(outputs);
  clearTimeout(timer);
}
