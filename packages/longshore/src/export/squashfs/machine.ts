import { readFile } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join } from 'node:path';

/** What the process may use, limits of its control groups counted. */
export interface Machine {
  readonly parallelism: number;
  readonly memoryBytes: number;
}

/** Where the kernel tells it. */
export interface MachineSources {
  /** @defaultValue '/proc/self/cgroup' */
  readonly groupsFile?: string | undefined;
  /** Where control groups are mounted. @defaultValue '/sys/fs/cgroup' */
  readonly mount?: string | undefined;
  /** Without control groups. @defaultValue affinity, and the memory that is available */
  readonly bare?: Machine | undefined;
}

/**
 * Asks the kernel for the limits of control groups, version 1 and 2, of the process's own group and
 * of all above it: Slurm limits the job and its step, and Node looks at the innermost group only.
 * Limits are taken, and not what is left of them: caches of files count as used and give way.
 */
export async function readMachine(sources: MachineSources = {}): Promise<Machine> {
  const mount = sources.mount ?? '/sys/fs/cgroup';
  const bare = sources.bare ?? { parallelism: availableParallelism(), memoryBytes: freemem() };
  const text = await readText(sources.groupsFile ?? '/proc/self/cgroup');
  let { parallelism, memoryBytes } = bare;
  for (const line of text.split('\n')) {
    const group = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (group === null) continue;
    const [, controllers = '', path = '/'] = group;
    const names = controllers.split(',');
    for (const folder of withParents(path)) {
      if (controllers === '') {
        memoryBytes = Math.min(memoryBytes, await readBytes(join(mount, folder, 'memory.max')));
        const share = await readText(join(mount, folder, 'cpu.max'));
        parallelism = Math.min(parallelism, cores(share.split(' ')));
      } else if (names.includes('memory')) {
        const file = join(mount, 'memory', folder, 'memory.limit_in_bytes');
        memoryBytes = Math.min(memoryBytes, await readBytes(file));
      } else if (names.includes('cpu')) {
        const read = (name: string): Promise<string> => readText(join(mount, 'cpu', folder, name));
        const share = [await read('cpu.cfs_quota_us'), await read('cpu.cfs_period_us')];
        parallelism = Math.min(parallelism, cores(share));
      }
    }
  }
  return { parallelism, memoryBytes };
}

/** The group and all above it. A container may see a path that leads out of what it sees. */
function withParents(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.includes('..') ? '/' : path; ; at = dirname(at)) {
    folders.push(at);
    if (at === '/') return folders;
  }
}

/** Cores that a quota of microseconds in each period makes; part of one is one. */
function cores([quota = '', period = '']: readonly string[]): number {
  const share = Number(quota) / Number(period);
  return quota.trim() !== '' && share > 0 ? Math.ceil(share) : Infinity;
}

async function readBytes(file: string): Promise<number> {
  const text = (await readText(file)).trim();
  return /^\d+$/.test(text) ? Number(text) : Infinity;
}

/** A file that is not there says nothing; so it is with groups that limit nothing. */
function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
