import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { ownIdentity } from '../holder.ts';
import type { Digest } from '../image/index.ts';
import { isTemporaryName, listFolder, storeModes } from './files.ts';
import { UPLOAD_PREFIX } from './fileUpload.ts';
import { BLOB_ALGORITHMS, blobFile, digestFromKey, digestKey, type StoreLayout } from './layout.ts';
import { LEASE_DEFAULTS, LeaseKeeper } from './leaseKeeper.ts';
import { LeaseWatch } from './leaseRecord.ts';

/** Something unfinished that was removed. */
export interface PrunedLeftover {
  /** The blob that it was to become, when that is known. */
  readonly digest: Digest | undefined;
  readonly bytes: number;
}

export interface LeftoverLimits {
  readonly nowMs: number;
  readonly leftoverAgeMs: number;
  readonly dryRun: boolean;
}

/** Uploads and temporary files do not survive their process: a day is for slow clients and clocks. */
const TEMPORARY_AGE_MS = 24 * 60 * 60 * 1000;

/** Removes unfinished downloads, uploads, temporary files and leases that nobody works on any more. */
export async function pruneLeftovers(
  layout: StoreLayout,
  limits: LeftoverLimits,
): Promise<PrunedLeftover[]> {
  const removed: PrunedLeftover[] = [];
  const keys = new Set([...(await readdir(layout.ingest)), ...(await readdir(layout.leases))]);
  for (const key of keys) {
    const digest = digestFromKey(key);
    const found = digest === undefined ? undefined : await pruneIngest(layout, digest, limits);
    if (found !== undefined && found.bytes > 0) removed.push(found);
  }
  const blobFolders = BLOB_ALGORITHMS.map((algorithm) => join(layout.blobs, algorithm));
  const { root, refs, leases, ingest, builds } = layout;
  for (const folder of [root, refs, leases, ingest, builds, ...blobFolders]) {
    removed.push(...(await pruneTemporary(folder, limits)));
  }
  return removed;
}

/** Removes one unfinished download and its leases, under a lease of our own. */
async function pruneIngest(
  layout: StoreLayout,
  digest: Digest,
  limits: LeftoverLimits,
): Promise<PrunedLeftover | undefined> {
  const folders = [join(layout.ingest, digestKey(digest)), join(layout.leases, digestKey(digest))];
  const [data, lease] = await Promise.all(folders.map(measureTree));
  const newestMs = Math.max(data?.newestMs ?? 0, lease?.newestMs ?? 0);
  // Killed between publishing the blob and clearing up: nobody needs what is left.
  const isDone = (await measureTree(blobFile(layout, digest))) !== undefined;
  if (!isDone && newestMs > limits.nowMs - limits.leftoverAgeMs) return undefined;
  const keeper = new LeaseKeeper({
    layout,
    modes: await storeModes(layout.root),
    identity: ownIdentity(),
    timing: LEASE_DEFAULTS,
    clock: () => performance.now(),
  });
  if (await keeper.isHeldHere(digest)) return undefined;
  const found = { digest, bytes: data?.bytes ?? 0 };
  if (limits.dryRun) return found;
  // A heartbeat as old as this is no heartbeat, so the watch need not wait for it.
  const watch = new LeaseWatch(isDone ? Number.POSITIVE_INFINITY : 0);
  const attempt = await keeper.attempt(digest, watch);
  if (attempt.lease === undefined) return undefined;
  await rm(join(layout.ingest, digestKey(digest)), { recursive: true, force: true });
  await attempt.lease.remove();
  return found;
}

async function pruneTemporary(folder: string, limits: LeftoverLimits): Promise<PrunedLeftover[]> {
  const removed: PrunedLeftover[] = [];
  for (const name of await listFolder(folder)) {
    if (!isTemporaryName(name) && !name.startsWith(UPLOAD_PREFIX)) continue;
    const found = await measureTree(join(folder, name));
    if (found === undefined || found.newestMs > limits.nowMs - TEMPORARY_AGE_MS) continue;
    if (!limits.dryRun) await rm(join(folder, name), { force: true });
    removed.push({ digest: undefined, bytes: found.bytes });
  }
  return removed;
}

/** Bytes and newest change of a file or folder; links are not followed. `undefined` when it is gone. */
async function measureTree(
  path: string,
): Promise<{ readonly bytes: number; readonly newestMs: number } | undefined> {
  try {
    const found = await lstat(path);
    let newestMs = found.mtimeMs;
    if (!found.isDirectory()) return { bytes: found.size, newestMs };
    let bytes = 0;
    for (const name of await readdir(path)) {
      const inner = await measureTree(join(path, name));
      bytes += inner?.bytes ?? 0;
      newestMs = Math.max(newestMs, inner?.newestMs ?? 0);
    }
    return { bytes, newestMs };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
