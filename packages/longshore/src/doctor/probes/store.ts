import { link, mkdtemp, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import { fileSystemName } from '../../fileSystem.ts';
import type { StoreFacts } from '../types.ts';

const SYNCS = 7;
const SYNCED_BYTES: number = 64 * 1024;

/**
 * Looks at the place of a store. Files are made in a folder of their own there, and removed; where
 * there is no store yet, in the nearest folder above that is.
 */
export async function probeStore(path: string): Promise<StoreFacts> {
  const place = await nearestFolder(path);
  const space = await statfs(place).catch(() => undefined);
  return {
    path,
    exists: place === path,
    fileSystem: space === undefined ? undefined : fileSystemName(space.type),
    freeBytes: space === undefined ? undefined : space.bavail * space.bsize,
    // Some file systems count none and say 0 of 0.
    freeInodes: space === undefined || space.files === 0 ? undefined : space.ffree,
    ...(await tryWriting(place)),
  };
}

async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found !== undefined || dirname(at) === at) return at;
  }
}

async function tryWriting(
  place: string,
): Promise<Pick<StoreFacts, 'refusal' | 'hardLinks' | 'syncMs'>> {
  let folder: string;
  try {
    folder = await mkdtemp(join(place, '.longshore-doctor-'));
  } catch (error) {
    return { refusal: errnoOf(error) ?? String(error), hardLinks: undefined, syncMs: undefined };
  }
  try {
    const syncMs = await timeSyncs(folder);
    const hardLinks = await link(join(folder, '0'), join(folder, 'link')).then(
      () => true,
      () => false,
    );
    return { refusal: undefined, hardLinks, syncMs };
  } catch (error) {
    return { refusal: errnoOf(error) ?? String(error), hardLinks: undefined, syncMs: undefined };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timeSyncs(folder: string): Promise<number> {
  const content = Buffer.alloc(SYNCED_BYTES, 1);
  const times: number[] = [];
  for (let i = 0; i < SYNCS; i += 1) {
    await using file = await open(join(folder, String(i)), 'wx');
    const began = performance.now();
    await file.write(content);
    await file.sync();
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(SYNCS / 2)] ?? 0;
}
