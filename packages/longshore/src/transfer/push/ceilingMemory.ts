import type { RememberedCeiling } from '../../concurrency/index.ts';
import { openMemoryFile, readWidth } from '../memoryFile.ts';
import type { CeilingMemory } from './types.ts';

/** Longer ago, a registry may have been moved, repaired or enlarged. */
const MAX_AGE_MS = 24 * 3600 * 1000;

/**
 * What registries bore, in one small JSON file, and nothing where that file cannot be read or
 * written. A ceiling whose time is over is known for a day all the same: the next run starts one
 * above it, and not from nothing.
 */
export async function openCeilingMemory(
  path: string,
  now: () => number = Date.now,
): Promise<CeilingMemory> {
  const file = await openMemoryFile(path, readCeiling, now);
  return {
    recall(registry) {
      const entry = file.recall(registry);
      if (entry === undefined) return undefined;
      const { width, untilMs, events } = entry;
      return { width, events, forMs: Math.max(0, untilMs - now()) };
    },
    remember(ceilings) {
      const entries = ceilings.map(([registry, { width, forMs, events = 1 }]) => {
        return [registry, { width, untilMs: now() + forMs, events }] as const;
      });
      return file.remember(entries, MAX_AGE_MS);
    },
  };
}

interface Ceiling extends Required<Pick<RememberedCeiling, 'width' | 'events'>> {
  /** When it ends, in milliseconds since the epoch. */
  readonly untilMs: number;
}

function readCeiling(entry: Readonly<Record<string, unknown>>): Ceiling | undefined {
  const width = readWidth(entry['width']);
  const events = readWidth(entry['events']);
  const { untilMs } = entry;
  if (width === undefined || events === undefined) return undefined;
  return typeof untilMs === 'number' && Number.isFinite(untilMs)
    ? { width, events, untilMs }
    : undefined;
}
