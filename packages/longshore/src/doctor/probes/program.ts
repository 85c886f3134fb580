import { execFile } from 'node:child_process';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs a program: what it printed, or `undefined` where it is missing, hangs, or fails without a
 * word. `docker info` fails and still tells why, on stdout.
 */
export type RunProgram = (name: string, args: readonly string[]) => Promise<string | undefined>;

const TIMEOUT_MS = 10_000;

export function programRunner(env: Environment): RunProgram {
  return (name, args) =>
    new Promise((resolve) => {
      const options = {
        env,
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL' as const,
        maxBuffer: 4 * 2 ** 20,
      };
      execFile(name, args, { ...options, encoding: 'utf8' }, (error, stdout) =>
        resolve(error === null || stdout !== '' ? stdout : undefined),
      );
    });
}

/** Text of a file, or `undefined` where it cannot be read. */
export type ReadText = (path: string) => Promise<string | undefined>;
