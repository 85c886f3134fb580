import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerEngine } from '../../packages/longshore/test/interop/support/dockerEngine.ts';
import { findProgram, mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import { type Command, type Cost, measure } from './measure.ts';

/** What is to be pulled, from where, to where. */
export interface PullTask {
  /** `HOST:PORT/NAME:TAG` */
  readonly reference: string;
  /** An empty folder; all that a puller writes goes there. */
  readonly folder: string;
  /** PEM file of the CA when the registry speaks TLS. */
  readonly caFile: string | undefined;
}

/** A puller: how it is asked for an image, and which one it is. */
export interface Puller {
  readonly name: string;
  version(): Promise<string>;
  /** Pulls as a whole process and tells what that cost. */
  pull(task: PullTask): Promise<Cost>;
}

const sources = join(import.meta.dirname, '../../packages/longshore/bin/longshore.js');

/** Our own command line: `longshoreCommand('pull', ...)`. */
export type LongshoreCommand = (...args: readonly string[]) => Command;

/** @param bin - the `bin/longshore.js` to run; that of a checkout runs the sources as they are */
export function longshoreCommand(bin: string = sources): LongshoreCommand {
  return (...args) => ({ program: process.execPath, args: [bin, ...args] });
}

/** Longshore into a cold store, without progress. */
export function longshorePull(command: LongshoreCommand): Puller {
  return {
    name: 'longshore',
    version: async () => {
      const { program, args } = command('--version');
      return `longshore ${(await mustRun(program, args)).trim()}, Node ${process.version}`;
    },
    pull: ({ reference, folder, caFile }) => {
      const trusted = caFile === undefined ? [] : ['--ca', caFile];
      return measure(command('pull', reference, ...intoStore(folder), ...trusted));
    },
  };
}

/** Flags that every measured pull has. */
export function intoStore(folder: string): readonly string[] {
  return ['--store', folder, '--progress', 'quiet'];
}

// Programs written in Go take the CA from here, each without a flag of its own.
const trust = (caFile: string | undefined): Record<string, string> =>
  caFile === undefined ? {} : { SSL_CERT_FILE: caFile };

const others: readonly (Omit<Puller, 'pull'> & { command(task: PullTask): Command })[] = [
  {
    name: 'skopeo',
    version: async () => (await mustRun('skopeo', ['--version'])).trim(),
    command: ({ reference, folder, caFile }) => ({
      program: 'skopeo',
      args: [
        '--insecure-policy',
        'copy',
        '--quiet',
        `--src-tls-verify=${caFile !== undefined}`,
        `docker://${reference}`,
        `oci:${folder}:image`,
      ],
      env: trust(caFile),
    }),
  },
  {
    name: 'crane',
    version: async () => `crane ${(await mustRun('crane', ['version'])).trim()}`,
    command: ({ reference, folder, caFile }) => ({
      program: 'crane',
      args: [
        'pull',
        '--format=oci',
        ...(caFile === undefined ? ['--insecure'] : []),
        reference,
        folder,
      ],
      env: trust(caFile),
    }),
  },
  {
    name: 'regctl',
    version: async () => {
      const text = await mustRun('regctl', ['version']);
      return `regctl ${/VCSTag:\s*(\S+)/.exec(text)?.[1] ?? text.trim().split('\n')[0]}`;
    },
    command: ({ reference, folder, caFile }) => ({
      program: 'regctl',
      args: [
        'image',
        'copy',
        '--host',
        `reg=${reference.split('/')[0]},tls=${caFile === undefined ? 'disabled' : 'enabled'}`,
        reference,
        `ocidir://${folder}:image`,
      ],
      env: trust(caFile),
    }),
  },
  {
    name: 'oras',
    version: async () => `oras ${(await mustRun('oras', ['version'])).split('\n')[0]}`,
    command: ({ reference, folder, caFile }) => ({
      program: 'oras',
      args: [
        'copy',
        '--no-tty',
        ...(caFile === undefined ? ['--from-plain-http'] : ['--from-ca-file', caFile]),
        '--to-oci-layout',
        reference,
        `${folder}:image`,
      ],
    }),
  },
];

/**
 * The rivals of those names that are on PATH.
 * @throws Error for a name that is none of them
 */
export function findRivals(names: readonly string[]): readonly Puller[] {
  return names.flatMap((name) => {
    const rival = others.find((candidate) => candidate.name === name);
    if (rival === undefined) {
      throw new Error(`No rival is called ${name}; there are ${rivalNames.join(', ')}`);
    }
    if (findProgram(name) === undefined) {
      console.error(`${name} is not on PATH and is left out (bench/rivals.sh builds it)`);
      return [];
    }
    return [{ ...rival, pull: (task: PullTask) => measure(rival.command(task)) }];
  });
}

export const rivalNames: readonly string[] = others.map(({ name }) => name);

/**
 * `docker pull` into a Docker Engine. The engine does the work, so its CPU time and peak memory are
 * added to the client's; it also unpacks, which the others here do not.
 */
export function dockerPull(engine: DockerEngine): Puller {
  return {
    name: 'docker pull',
    version: async () =>
      `Docker Engine ${(await engine.docker('version', '--format', '{{.Server.Version}}')).trim()}`,
    async pull({ reference }) {
      const before = await processCost(engine.pid);
      const cost = await measure({
        program: 'docker',
        args: ['--host', engine.socket, 'pull', '--quiet', reference],
      });
      const after = await processCost(engine.pid);
      await engine.docker('rmi', '--force', reference);
      return {
        wallSeconds: cost.wallSeconds,
        cpuSeconds: cost.cpuSeconds + after.cpuSeconds - before.cpuSeconds,
        maxRssMib: cost.maxRssMib + after.maxRssMib,
      };
    },
  };
}

/** Of a process and its ended children, from `/proc`; clock ticks are 1/100 s on Linux. */
async function processCost(pid: number): Promise<Pick<Cost, 'cpuSeconds' | 'maxRssMib'>> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks; utime, stime, cutime and cstime are fields 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const peakKib = Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? Number.NaN);
  return { cpuSeconds: ticks / 100, maxRssMib: peakKib / 1024 };
}
