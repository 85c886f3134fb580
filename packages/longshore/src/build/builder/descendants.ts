import { readdir, readFile } from 'node:fs/promises';

/** A process that cannot be mistaken for a later one with its number. */
export interface ProcessMark {
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly startedAt: string;
}

/**
 * All that a process has started and that has not been disowned, itself left out. Containers run in
 * sessions of their own, so that a signal to the process group does not reach them. Empty without
 * `/proc`.
 */
export async function descendantsOf(pid: number): Promise<readonly ProcessMark[]> {
  const children = new Map<number, ProcessMark[]>();
  for (const { parent, ...mark } of await readProcesses()) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [mark]);
    else siblings.push(mark);
  }
  const found: ProcessMark[] = [];
  for (let left = [pid]; left.length > 0; ) {
    const below = left.flatMap((parent) => children.get(parent) ?? []);
    found.push(...below);
    left = below.map((mark) => mark.pid);
  }
  return found;
}

/** Ends those that still run. Numbers that were given to other processes meanwhile are left alone. */
export async function killAll(marks: readonly ProcessMark[]): Promise<void> {
  if (marks.length === 0) return;
  for (const { pid, startedAt } of marks) {
    const now = await readProcess(String(pid));
    if (now?.startedAt === startedAt) kill(pid, 'SIGKILL');
  }
}

/** Sends a signal; false when nobody is there to get it. A negative number is a process group. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function readProcesses(): Promise<readonly (ProcessMark & { readonly parent: number })[]> {
  const names = await readdir('/proc').catch(() => []);
  const numbers = names.filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(numbers.map(readProcess));
  return found.filter((entry) => entry !== undefined);
}

async function readProcess(
  pid: string,
): Promise<(ProcessMark & { readonly parent: number }) | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold anything; fields are counted from behind it (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, startedAt] = [fields[1], fields[19]];
  if (parent === undefined || startedAt === undefined) return undefined;
  return { pid: Number(pid), parent: Number(parent), startedAt };
}
