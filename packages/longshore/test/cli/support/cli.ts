import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { CliHost } from '../../../src/cli/host.ts';
import { SYSTEM_CLOCK } from '../../../src/cli/render/renderer.ts';
import { runCli } from '../../../src/cli/runCli.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Emits `signal` with a `StopSignal`. */
  readonly signals?: EventEmitter;
  /** Called with each piece of stderr as it comes. */
  readonly onStderr?: (text: string) => void;
}

/** Runs a command line in this process, with nothing of this process showing through. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { env = {}, stdin = '', cwd = os.tmpdir(), signals = new EventEmitter() } = options;
  const stdout = collect();
  const stderr = collect(options.onStderr);
  const host: CliHost = {
    argv,
    // Root could make a home that is not there, and one test would learn widths from another.
    env: { HOME: '/nonexistent', XDG_STATE_HOME: '/dev/null/state', ...env },
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    cwd,
    home: '/nonexistent',
    version: '1.2.3',
    reportTo: 'the tests',
    platform: 'linux',
    arch: 'x64',
    clock: SYSTEM_CLOCK,
    expectImages: () => undefined,
    onSignal: (listener) => {
      signals.on('signal', listener);
      return () => void signals.off('signal', listener);
    },
  };
  const exitCode = await runCli(host);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function collect(onText?: (text: string) => void): { stream: Writable; text: () => string } {
  let all = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = chunk.toString('utf8');
      all += text;
      onText?.(text);
      done();
    },
  });
  return { stream, text: () => all };
}

/**
 * A directory that is removed after the test.
 * @param before what has to end first
 */
export async function temporaryDirectory(
  t: TestContext,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-cli-'));
  t.after(async () => {
    await before();
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}
