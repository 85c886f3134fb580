import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolders } from '../fileSystem.ts';

const MAX_ENTRIES = 500;

/** What is kept of one host: when it was noticed, in milliseconds since the epoch, and how long it counts. */
export interface Remembered {
  readonly at: number;
  readonly forMs: number;
}

export interface MemoryFile<T> {
  recall(host: string): (T & Remembered) | undefined;
  /** Keeps what other runs have written meanwhile. */
  remember(entries: readonly (readonly [host: string, entry: T])[], forMs: number): Promise<void>;
}

/**
 * A memory of hosts in one small JSON file. A file that is missing, old, damaged or not writable is
 * no memory, never an error: a run does not fail for want of it.
 * @param read what an entry of the file says; `undefined` where it is none
 */
export async function openMemoryFile<T extends object>(
  path: string,
  read: (entry: Readonly<Record<string, unknown>>) => T | undefined,
  now: () => number,
): Promise<MemoryFile<T>> {
  const known = await readMemory(path, read, now());
  return {
    recall: (host) => known.get(host),
    async remember(entries, forMs) {
      if (entries.length === 0) return;
      const latest = await readMemory(path, read, now());
      for (const [host, entry] of entries) latest.set(host, { ...entry, at: now(), forMs });
      const newest = [...latest].toSorted(([, a], [, b]) => b.at - a.at).slice(0, MAX_ENTRIES);
      await writeMemory(path, Object.fromEntries(newest));
    },
  };
}

async function readMemory<T extends object>(
  path: string,
  read: (entry: Readonly<Record<string, unknown>>) => T | undefined,
  now: number,
): Promise<Map<string, T & Remembered>> {
  const known = new Map<string, T & Remembered>();
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!isRecord(value)) return known;
    for (const [host, entry] of Object.entries(value)) {
      const content = isRecord(entry) ? read(entry) : undefined;
      if (!isRecord(entry) || content === undefined) continue;
      const { at, forMs } = entry;
      if (!isTime(at) || !isTime(forMs) || at > now || now - at >= forMs) continue;
      known.set(host, { ...content, at, forMs });
    }
  } catch {
    // No memory.
  }
  return known;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A width as a file may say it. */
export function readWidth(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  return value >= 1 && value <= 1024 ? value : undefined;
}

async function writeMemory(path: string, content: unknown): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await makeFolders(dirname(path));
    await writeFile(temporary, `${JSON.stringify(content, undefined, 1)}\n`, { flag: 'wx' });
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
