import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { MachineFacts } from '../types.ts';
import type { ReadText } from './program.ts';

/** As a number that JSON can carry. */
const UNLIMITED: number = Number.MAX_SAFE_INTEGER;
const GROUPS = '/sys/fs/cgroup';

/** Looks at processors, memory, limits and the temporary folder. */
export async function probeMachine(read: ReadText, temporaryPath: string): Promise<MachineFacts> {
  const group = readGroup((await read('/proc/self/cgroup')) ?? '');
  const [cpuMax, memoryMax, limits, temporary] = await Promise.all([
    readUpwards(read, group, 'cpu.max', readCpuMax),
    readUpwards(read, group, 'memory.max', readBytes),
    read('/proc/self/limits'),
    statfs(temporaryPath).catch(() => undefined),
  ]);
  return {
    // Without a control group, an affinity mask may be narrower than the machine.
    cpus: Math.min(availableParallelism(), cpus().length || availableParallelism()),
    cpuLimit: cpuMax,
    memoryBytes: totalmem(),
    memoryLimitBytes: memoryMax,
    openFiles: limits === undefined ? undefined : readOpenFiles(limits),
    temporary:
      temporary === undefined
        ? undefined
        : { path: temporaryPath, freeBytes: temporary.bavail * temporary.bsize },
  };
}

/** Path of this process's control group (cgroups(7), version 2). */
function readGroup(text: string): string {
  return /^0::(\/.*)$/m.exec(text)?.[1] ?? '/';
}

/** The tightest limit from the group up to the root: all of them hold. */
async function readUpwards(
  read: ReadText,
  group: string,
  file: string,
  parse: (text: string) => number | undefined,
): Promise<number | undefined> {
  const parts = group.split('/').filter((part) => part !== '');
  const folders = parts.map((_, i) => `${GROUPS}/${parts.slice(0, i + 1).join('/')}`);
  const texts = await Promise.all([GROUPS, ...folders].map((folder) => read(`${folder}/${file}`)));
  const limits = texts.map((text) => (text === undefined ? undefined : parse(text)));
  const told = limits.filter((limit) => limit !== undefined);
  return told.length === 0 ? undefined : Math.min(...told);
}

/** `cpu.max`: microseconds of time in each period, or `max`. */
function readCpuMax(text: string): number | undefined {
  const [quota = NaN, period = NaN] = text.trim().split(/\s+/).map(Number);
  const limit = quota / period;
  return Number.isFinite(limit) && limit > 0 ? limit : undefined;
}

function readBytes(text: string): number | undefined {
  const bytes = Number(text.trim());
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** The line of `/proc/self/limits` (proc(5)). */
function readOpenFiles(text: string): MachineFacts['openFiles'] {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const read = (limit: string): number => (limit === 'unlimited' ? UNLIMITED : Number(limit));
  return { soft: read(soft), hard: read(hard) };
}
