import type { Finding, MachineFacts } from '../types.ts';
import { formatBytes } from './format.ts';

/** What a pull of many connections takes at the most; docs/adaptive.md, measured 125 MiB. */
const COMFORTABLE_BYTES: number = 256 * 2 ** 20;
/** Node and the store have so many open; a connection needs its socket and two files. */
const FILES_AT_REST = 64;
const FILES_A_CONNECTION = 4;
/** Width of `--workers auto` where it pays. */
const WIDEST = 64;
const LITTLE_TEMPORARY_BYTES: number = 2 ** 30;

export function judgeMachine(machine: MachineFacts): Finding[] {
  return [
    judgeCpus(machine),
    judgeMemory(machine),
    ...judgeFiles(machine),
    ...judgeTemporary(machine),
  ];
}

function judgeCpus({ cpus, cpuLimit }: MachineFacts): Finding {
  const about = 'machine';
  const limited = cpuLimit !== undefined && cpuLimit < cpus;
  const width = Math.max(1, Math.floor(limited ? cpuLimit : cpus));
  const gate = { stage: 'build', width } as const;
  if (!limited) return { about, level: 'good', text: `${cpus} CPUs: as many builds at once`, gate };
  return {
    about,
    level: 'advice',
    text: `The control group of this process gives it ${cpuLimit} of ${cpus} CPUs`,
    change: 'Raise the CPU limit of the container, job or service that runs longshore',
    gate,
  };
}

function judgeMemory({ memoryBytes, memoryLimitBytes }: MachineFacts): Finding {
  const about = 'machine';
  const limited = memoryLimitBytes !== undefined && memoryLimitBytes < memoryBytes;
  const usable = limited ? memoryLimitBytes : memoryBytes;
  const text = `${formatBytes(usable)} of memory${limited ? ', the limit of its control group' : ''}`;
  if (usable >= COMFORTABLE_BYTES) return { about, level: 'good', text };
  return {
    about,
    level: 'advice',
    text: `${text}: little for wide pulls and large images`,
    change: `Give it ${formatBytes(COMFORTABLE_BYTES)}, or set --workers 8`,
  };
}

function judgeFiles({ openFiles }: MachineFacts): Finding[] {
  if (openFiles === undefined) return [];
  const { soft, hard } = openFiles;
  const about = 'machine';
  const width = Math.max(1, Math.floor((soft - FILES_AT_REST) / FILES_A_CONNECTION));
  if (width >= WIDEST) {
    const many = soft > 1e9 ? 'Any number of' : soft;
    return [{ about, level: 'good', text: `${many} open files allowed` }];
  }
  const change =
    hard > soft
      ? `ulimit -n ${Math.min(hard, 4096)} before longshore`
      : 'Raise the hard limit of open files (nofile)';
  const gate = { stage: 'pull', width } as const;
  const text = `Only ${soft} open files allowed: enough for some ${width} connections`;
  return [{ about, level: 'advice', text, change, gate }];
}

function judgeTemporary({ temporary }: MachineFacts): Finding[] {
  if (temporary === undefined) return [];
  const { path, freeBytes } = temporary;
  const text = `${formatBytes(freeBytes)} free in ${path}`;
  const about = 'machine';
  if (freeBytes >= LITTLE_TEMPORARY_BYTES) return [{ about, level: 'good', text }];
  const change = 'Builders and exports put files there: point TMPDIR to a larger place';
  return [{ about, level: 'advice', text: `Only ${text}`, change }];
}
