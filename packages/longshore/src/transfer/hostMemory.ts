import type { Knee } from '../concurrency/index.ts';
import { openMemoryFile, readWidth } from './memoryFile.ts';

/** What earlier runs found out about servers. It warm-starts a run and never overrides what is measured. */
export interface HostMemory {
  recall(origin: string): Knee | undefined;
  /** @param forMs how long it counts @defaultValue a day */
  remember(
    knees: readonly (readonly [origin: string, knee: Knee])[],
    forMs?: number,
  ): Promise<void>;
}

/** Under what a memory of hosts keeps how wide pushes to a registry pay; pulls have the origin alone. */
export function pushesTo(registry: string): string {
  return `push ${registry}`;
}

/** Networks change with the hour of the day and the place; a day later nothing is certain. */
const MAX_AGE_MS = 24 * 3600 * 1000;

/** A memory in one small JSON file, and none where that file cannot be read or written. */
export async function openHostMemory(
  path: string,
  now: () => number = Date.now,
): Promise<HostMemory> {
  const file = await openMemoryFile(path, readKnee, now);
  return {
    recall: (origin) => file.recall(origin),
    remember: (knees, forMs = MAX_AGE_MS) => file.remember(knees, forMs),
  };
}

function readKnee(entry: Readonly<Record<string, unknown>>): Knee | undefined {
  const width = readWidth(entry['width']);
  const bytesPerSecond = entry['bytesPerSecond'];
  if (width === undefined) return undefined;
  if (typeof bytesPerSecond !== 'number' || !Number.isFinite(bytesPerSecond)) return undefined;
  return { width, bytesPerSecond };
}
