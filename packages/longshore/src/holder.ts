import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './errors.ts';

/** Which process it is, told so that another one can find out whether it still runs. */
export interface HolderIdentity {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in clock ticks since boot; process ids are used again, this is not. */
  readonly startedAt: string | undefined;
  readonly bootId: string | undefined;
  /** Containers number their processes apart: a pid means something within one namespace only. */
  readonly pidNamespace: string | undefined;
}

/** What is known about a process id here and now. */
export type ProcessProbe =
  | { readonly running: false }
  | { readonly running: true; readonly startedAt: string | undefined };

/** This process. Fields that the system does not tell (no `/proc`) are left out. */
export function ownIdentity(): HolderIdentity {
  return {
    host: hostname(),
    pid: process.pid,
    startedAt: readStat(process.pid)?.startedAt,
    bootId: readBootId(),
    pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** An identity as files have it. */
export function holderFields(holder: HolderIdentity): Readonly<Record<string, unknown>> {
  const { host, pid, startedAt, bootId, pidNamespace } = holder;
  return {
    host,
    pid,
    started: startedAt ?? null,
    boot: bootId ?? null,
    pidns: pidNamespace ?? null,
  };
}

/** Reads what `holderFields` has written; `undefined` where it says of nobody. */
export function readHolder(fields: Readonly<Record<string, unknown>>): HolderIdentity | undefined {
  const { host, pid } = fields;
  if (typeof host !== 'string' || typeof pid !== 'number') return undefined;
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  return {
    host,
    pid,
    startedAt: textOf(fields['started']),
    bootId: textOf(fields['boot']),
    pidNamespace: textOf(fields['pidns']),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Changes with every boot of the machine. Linux only. */
function readBootId(): string | undefined {
  return attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

/** Asks the system about a process id. A zombie does not run. */
export function probeProcess(pid: number): ProcessProbe {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (errnoOf(error) === 'ESRCH') return { running: false };
  }
  const stat = readStat(pid);
  if (stat?.state === 'Z' || stat?.state === 'X') return { running: false };
  return { running: true, startedAt: stat?.startedAt };
}

/**
 * True when it is certain that the holder has ended: same boot of the same machine, same numbering of
 * processes, and no process of that number and start. Anything less is left to the heartbeat.
 */
export function isProvablyDead(
  holder: HolderIdentity,
  own: HolderIdentity,
  probe: (pid: number) => ProcessProbe,
): boolean {
  if (holder.bootId === undefined || holder.bootId !== own.bootId) return false;
  if (holder.pidNamespace === undefined || holder.pidNamespace !== own.pidNamespace) return false;
  const found = probe(holder.pid);
  if (!found.running) return true;
  if (found.startedAt === undefined || holder.startedAt === undefined) return false;
  return found.startedAt !== holder.startedAt;
}

/** True when the holder certainly runs: the same process, seen from where its number means something. */
export function isProvablyAlive(
  holder: HolderIdentity,
  own: HolderIdentity,
  probe: (pid: number) => ProcessProbe,
): boolean {
  const comparable =
    holder.bootId !== undefined &&
    holder.bootId === own.bootId &&
    holder.pidNamespace === own.pidNamespace;
  if (!comparable || holder.startedAt === undefined) return false;
  const found = probe(holder.pid);
  return found.running && found.startedAt === holder.startedAt;
}

export function describeHolder(holder: HolderIdentity, own: HolderIdentity): string {
  const place = holder.host === own.host ? 'this machine' : holder.host;
  return `process ${holder.pid} on ${place}`;
}

function readStat(pid: number): { state: string; startedAt: string | undefined } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  // The second field is the name in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startedAt: fields[19] };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
