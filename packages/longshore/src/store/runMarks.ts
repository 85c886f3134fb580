import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { type HolderIdentity, isProvablyDead, probeProcess } from '../holder.ts';
import type { StoreLayout } from './layout.ts';
import { parseLease } from './leaseRecord.ts';

const NAME = /^run-(\d{1,15})-[0-9a-f]{16}$/;

/** Silence after which a run elsewhere is taken for ended; ten times what takes a lease over. */
const RUN_SILENCE_MS = 5 * 60 * 1000;

/** `leases/run-<start>-<token>`: start in milliseconds by the clock of the file system. */
export function runMarkName(startedAtMs: number, token: string): string {
  return `run-${Math.floor(startedAtMs)}-${token}`;
}

/**
 * The time by the clock of whoever keeps the files. On a network file system that clock stamps all
 * files, so ages are measured by it and not by the clocks of the nodes.
 */
export async function fileSystemNow(layout: StoreLayout): Promise<number> {
  const path = join(layout.leases, `.now.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(path, 'wx');
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await unlink(path);
  }
}

/** When the oldest run that is still going on began, and the marks of runs that have ended. */
export async function readRunMarks(
  layout: StoreLayout,
  own: HolderIdentity,
  nowMs: number,
): Promise<{ readonly oldestStartMs: number | undefined; readonly ended: readonly string[] }> {
  let oldestStartMs: number | undefined;
  const ended: string[] = [];
  for (const name of await readdir(layout.leases)) {
    const startedAtMs = Number(NAME.exec(name)?.[1]);
    if (Number.isNaN(startedAtMs)) continue;
    const path = join(layout.leases, name);
    try {
      const record = parseLease(await readFile(path, 'utf8'));
      const silentMs = nowMs - (await stat(path)).mtimeMs;
      const dead = record !== undefined && isProvablyDead(record.holder, own, probeProcess);
      if (dead || silentMs > RUN_SILENCE_MS) ended.push(path);
      else oldestStartMs = Math.min(oldestStartMs ?? startedAtMs, startedAtMs);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return { oldestStartMs, ended };
}
