import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { onAbort } from '../../concurrency/index.ts';
import { LongshoreError } from '../../errors.ts';
import type { Converter } from './converter.ts';

/** Enough of what a dying converter says. */
const MAX_STDERR_BYTES = 4096;

export interface RunConverterOptions {
  readonly signal?: AbortSignal | undefined;
  /** Seconds since the epoch; later times are cut down to it, the moment of the run among them. */
  readonly sourceDateEpoch: number;
}

/**
 * Runs a converter over what `batches` gives. Each batch is written as one, so that thousands of
 * small files do not cost a system call each.
 * @throws LongshoreError `ERR_CONVERTER_FAILED`, `ERR_DISK_FULL`; what `batches` throws passes
 *   through. When this returns or throws the process is gone.
 */
export async function runConverter(
  converter: Converter,
  args: readonly string[],
  batches: AsyncIterable<Iterable<Buffer>>,
  options: RunConverterOptions,
): Promise<void> {
  const child = spawn(converter.path, args, {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Of its own session: the first Ctrl-C at a terminal drains a run, and must not end this.
    detached: true,
    env: {
      LC_ALL: 'C',
      TZ: 'UTC',
      SOURCE_DATE_EPOCH: String(options.sourceDateEpoch),
    },
  });
  const ending = watch(child);
  try {
    await feed(child.stdin, batches, ending.gone, options.signal);
  } catch (error) {
    child.kill('SIGKILL');
    const outcome = await ending.outcome;
    // A broken pipe is but the sign of it: why the converter went is what the reader wants.
    if (error === WENT_AWAY) throw failure(converter, outcome);
    throw error;
  }
  const outcome = await ending.outcome;
  if (outcome.code !== 0) throw failure(converter, outcome);
}

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly error?: unknown;
}

function watch(child: ChildProcess): { outcome: Promise<Outcome>; gone: Promise<void> } {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_BYTES);
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, stderr, error }));
    child.once('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  const gone = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  return { outcome, gone };
}

const WENT_AWAY = new Error('the converter went away');

/** A hole may be longer than memory: its zeros must not all be queued at once. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** A batch is all with the kernel before the next one is asked for: its buffers are lent. */
async function feed(
  stdin: Writable,
  batches: AsyncIterable<Iterable<Buffer>>,
  gone: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let isGone = false;
  // Not a race of promises for each batch: those that last would keep a memory of every one.
  let wake = (): void => undefined;
  const leave = (): void => {
    isGone = true;
    wake();
  };
  void gone.then(leave);
  stdin.on('error', leave);
  using _watch = onAbort(signal, () => wake());
  const flush = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      wake = resolve;
      stdin.write(NOTHING, () => resolve());
      stdin.uncork();
    });
    signal?.throwIfAborted();
    if (isGone) throw WENT_AWAY;
  };
  for await (const batch of batches) {
    signal?.throwIfAborted();
    stdin.cork();
    for (const chunk of batch) {
      stdin.write(chunk);
      if (stdin.writableLength <= MAX_QUEUED_BYTES) continue;
      await flush();
      stdin.cork();
    }
    await flush();
  }
  stdin.end();
}

function failure(converter: Converter, outcome: Outcome): LongshoreError {
  const { code, signal, error } = outcome;
  const said = outcome.stderr.trim().replace(/\s+/g, ' ').slice(-500);
  if (/no space left|disk full|ENOSPC|quota/i.test(said)) {
    return new LongshoreError(`The disk is full: ${converter.name} says: ${said}`, {
      code: 'ERR_DISK_FULL',
      origin: 'disk',
      hint: 'Make room, or write to another file system',
    });
  }
  const how =
    error instanceof Error
      ? `could not be started: ${error.message}`
      : signal === null
        ? `ended with code ${code}`
        : `was ended by ${signal}`;
  return new LongshoreError(`${converter.name} ${how}${said === '' ? '' : `: ${said}`}`, {
    code: 'ERR_CONVERTER_FAILED',
    origin: 'converter',
    hint:
      signal === 'SIGKILL'
        ? 'The kernel or the scheduler ends a process so when it takes too much memory; give the job more, or lower --memory and --jobs'
        : `Try again; if it stays so, try another version of ${converter.name}, or report the image`,
    cause: error,
  });
}
