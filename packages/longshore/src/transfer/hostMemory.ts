import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Knee } from '../concurrency/index.ts';

/** What earlier runs found out about servers. It warm-starts a run and never overrides what is measured. */
export interface HostMemory {
  recall(origin: string): Knee | undefined;
  /** @param forMs how long it counts @defaultValue a day */
  remember(
    knees: readonly (readonly [origin: string, knee: Knee])[],
    forMs?: number,
  ): Promise<void>;
}

/** Networks change with the hour of the day and the place; a day later nothing is certain. */
const MAX_AGE_MS = 24 * 3600 * 1000;
const MAX_HOSTS = 500;

interface Remembered extends Knee {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds; what was found by an experiment counts longer than what a run noticed. */
  readonly forMs?: number;
}

/**
 * A memory in one small JSON file. A file that is missing, old, damaged or not writable is no memory,
 * never an error: a run does not fail for want of it.
 */
export async function openHostMemory(
  path: string,
  now: () => number = Date.now,
): Promise<HostMemory> {
  const known = await readMemory(path, now());
  return {
    recall: (origin) => known.get(origin),
    async remember(knees, forMs = MAX_AGE_MS) {
      if (knees.length === 0) return;
      // Another run may have written in the meantime.
      const latest = await readMemory(path, now());
      for (const [origin, knee] of knees) latest.set(origin, { ...knee, at: now(), forMs });
      const newest = [...latest].toSorted(([, a], [, b]) => b.at - a.at).slice(0, MAX_HOSTS);
      await writeMemory(path, Object.fromEntries(newest));
    },
  };
}

async function readMemory(path: string, now: number): Promise<Map<string, Remembered>> {
  const known = new Map<string, Remembered>();
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return known;
    for (const [origin, entry] of Object.entries(value)) {
      if (isRemembered(entry) && now - entry.at < (entry.forMs ?? MAX_AGE_MS) && entry.at <= now) {
        known.set(origin, entry);
      }
    }
  } catch {
    // No memory.
  }
  return known;
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const {
    width,
    bytesPerSecond,
    at,
    forMs = 0,
  } = value as Partial<Record<keyof Remembered, unknown>>;
  return (
    Number.isInteger(width) &&
    Number(width) >= 1 &&
    Number(width) <= 1024 &&
    Number.isFinite(bytesPerSecond) &&
    Number.isFinite(at) &&
    Number.isFinite(forMs)
  );
}

async function writeMemory(path: string, content: unknown): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, `${JSON.stringify(content, undefined, 1)}\n`, { flag: 'wx' });
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
