import { execFile } from 'node:child_process';
import { LongshoreError } from '../../../errors.ts';

export interface BakeRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `buildx bake` with arguments.
 * @returns `undefined` where there is no buildx
 */
export type RunBake = (
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly signal?: AbortSignal | undefined;
  },
) => Promise<BakeRun | undefined>;

const COMMANDS = [['docker', 'buildx'], ['buildx']] as const;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Finds buildx as a plugin of docker, else as a program of its own. */
export const spawnBake: RunBake = async (args, options) => {
  for (const [program, ...words] of COMMANDS) {
    // Asked first: without the plugin docker fails at `bake` as it does at a mistake in a file.
    const version = await run(program, [...words, 'version'], options);
    if (version?.exitCode !== 0) continue;
    return await run(program, [...words, 'bake', ...args], options);
  }
  return undefined;
};

async function run(
  program: string,
  args: readonly string[],
  { cwd, environment, signal }: Parameters<RunBake>[1],
): Promise<BakeRun | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<BakeRun | undefined>();
  execFile(
    program,
    args,
    { cwd, env: { ...environment }, signal, maxBuffer: MAX_OUTPUT_BYTES },
    (error, stdout, stderr) => {
      if (signal?.aborted === true) reject(signal.reason);
      else if (error === null) resolve({ exitCode: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr });
      else if (error.code === 'ENOENT' || error.code === 'EACCES') resolve(undefined);
      else {
        const message = `${program} could not be run: ${error.message}`;
        reject(
          new LongshoreError(message, { code: 'ERR_BUILDX', origin: 'builder', cause: error }),
        );
      }
    },
  );
  return await promise;
}
