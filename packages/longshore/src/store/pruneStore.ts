import { unlink } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';
import { ownIdentity } from '../holder.ts';
import type { Descriptor, Digest } from '../image/index.ts';
import { type BlobFile, listBlobFiles, removeBlobFile } from './blobFiles.ts';
import { pruneBuiltImages } from './builtImages.ts';
import { type ChosenReference, chooseReferences } from './choosePrune.ts';
import { ContentGraph } from './contentGraph.ts';
import { storeModes } from './files.ts';
import { IndexWriter } from './indexWriter.ts';
import { layoutOf } from './layout.ts';
import { TOUCH_INTERVAL_MS } from './localStore.ts';
import { type PrunedLeftover, pruneLeftovers } from './pruneLeftovers.ts';
import { ReferenceBook, type UsedReference } from './referenceBook.ts';
import { fileSystemNow, readRunMarks } from './runMarks.ts';
import { writeError } from './storeErrors.ts';
import type { Store } from './types.ts';

export interface PruneOptions {
  /**
   * Removes the least recently used references until what the rest needs fits.
   * @defaultValue no limit
   */
  readonly maxSizeBytes?: number | undefined;
  /** Removes references that were not set or touched for this long. @defaultValue no limit */
  readonly unusedForMs?: number | undefined;
  /**
   * Blobs without a reference stay this long after they were published or last asked for.
   * @defaultValue 3600000
   */
  readonly graceMs?: number | undefined;
  /**
   * Unfinished downloads that nobody works on stay this long for a resume.
   * @defaultValue 604800000
   */
  readonly leftoverAgeMs?: number | undefined;
  /** Tells what would go, and changes nothing. @defaultValue false */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PruneResult {
  readonly dryRun: boolean;
  readonly references: readonly ChosenReference[];
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  readonly leftovers: readonly PrunedLeftover[];
  /** Bytes that the disk gets back; blobs that live on through a hard link elsewhere do not count. */
  readonly freedBytes: number;
  /** Bytes of the blobs that stay. */
  readonly keptBytes: number;
  /** Bytes among them without a reference: too young, or a run that goes on may rely on them. */
  readonly heldBackBytes: number;
}

const DEFAULTS = { graceMs: 60 * 60 * 1000, leftoverAgeMs: 7 * 24 * 60 * 60 * 1000 };

/**
 * Removes what no reference needs, and references by age or size when asked to. Safe beside running
 * pulls, here and on other nodes: what was published or asked for within the grace time, or since the
 * oldest running process began (with a margin), stays.
 * @throws LongshoreError `ERR_STORE_NOT_WRITABLE`, `ERR_STORE_READ`, `ERR_STORE_WRITE`
 */
export async function pruneStore(store: Store, options: PruneOptions = {}): Promise<PruneResult> {
  const layout = layoutOf(store.path);
  const dryRun = options.dryRun ?? false;
  try {
    const nowMs = dryRun ? Date.now() : await fileSystemNow(layout);
    const runs = await readRunMarks(layout, ownIdentity(), nowMs);
    const graceStartMs = nowMs - (options.graceMs ?? DEFAULTS.graceMs);
    const runStartMs = (runs.oldestStartMs ?? Number.POSITIVE_INFINITY) - TOUCH_INTERVAL_MS;
    const cutoffMs = Math.min(graceStartMs, runStartMs);
    if (!dryRun) await Promise.all(runs.ended.map((path) => unlink(path).catch(ignoreMissing)));

    const files = (await listBlobFiles(layout)).blobs;
    const book = new ReferenceBook(layout, await storeModes(layout.root));
    const chosen = await pruneReferences(store, book, { files, nowMs, runStartMs, options });
    // Listed anew: references that were set meanwhile keep what they need.
    const gone = new Set(chosen.map(({ name }) => name));
    const kept = (await book.list()).filter(({ name }) => !gone.has(name));
    const reached = await reachAll(store, kept);
    const swept = await pruneBlobs(files, reached, { cutoffMs, dryRun, signal: options.signal });
    if (!dryRun) await pruneBuiltImages(layout);
    const leftoverAgeMs = options.leftoverAgeMs ?? DEFAULTS.leftoverAgeMs;
    const leftovers = await pruneLeftovers(layout, { nowMs, leftoverAgeMs, dryRun });
    const leftoverBytes = leftovers.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      dryRun,
      references: chosen,
      leftovers,
      ...swept,
      freedBytes: swept.freedBytes + leftoverBytes,
    };
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw writeError(cause, store.path);
  }
}

async function pruneReferences(
  store: Store,
  book: ReferenceBook,
  about: {
    readonly files: readonly BlobFile[];
    readonly nowMs: number;
    readonly runStartMs: number;
    readonly options: PruneOptions;
  },
): Promise<ChosenReference[]> {
  const { maxSizeBytes, unusedForMs, dryRun } = about.options;
  if (maxSizeBytes === undefined && unusedForMs === undefined) return [];
  const sizes = new Map(about.files.map(({ digest, size }) => [digest, size]));
  const graph = new ContentGraph(store);
  const candidates = [];
  for (const reference of await book.list()) {
    const { name, usedAtMs } = reference;
    const blobs = new Map<Digest, number>();
    for (const digest of (await graph.reachReference(reference)).keys()) {
      const size = sizes.get(digest);
      if (size !== undefined) blobs.set(digest, size);
    }
    candidates.push({ name, usedAtMs, blobs });
  }
  const { nowMs, runStartMs: protectedFromMs } = about;
  const limits = { maxSizeBytes, unusedForMs, nowMs, protectedFromMs };
  const chosen = chooseReferences(candidates, limits);
  if (dryRun === true) return chosen;
  const removed: ChosenReference[] = [];
  for (const reference of chosen) {
    // One millisecond, since what was listed is rounded.
    if (await book.removeUnused(reference.name, reference.usedAtMs + 1)) removed.push(reference);
  }
  const index = new IndexWriter(layoutOf(store.path), await storeModes(store.path), book);
  index.schedule();
  await index.flush();
  return removed;
}

async function reachAll(
  store: Store,
  references: readonly UsedReference[],
): Promise<ReadonlyMap<Digest, Descriptor>> {
  const graph = new ContentGraph(store);
  const reached = new Map<Digest, Descriptor>();
  for (const reference of references) await graph.reachReference(reference, reached);
  return reached;
}

async function pruneBlobs(
  files: readonly BlobFile[],
  reached: ReadonlyMap<Digest, unknown>,
  how: {
    readonly cutoffMs: number;
    readonly dryRun: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Pick<PruneResult, 'blobs' | 'freedBytes' | 'keptBytes' | 'heldBackBytes'>> {
  const blobs: { digest: Digest; size: number }[] = [];
  let [freedBytes, keptBytes, heldBackBytes] = [0, 0, 0];
  const isOld = ({ usedAtMs }: BlobFile): boolean => usedAtMs < how.cutoffMs;
  for (const file of files) {
    how.signal?.throwIfAborted();
    const { digest, size } = file;
    const needed = reached.has(digest);
    if (!needed && isOld(file) && (how.dryRun || (await removeBlobFile(file, isOld)))) {
      blobs.push({ digest, size });
      if (file.links === 1) freedBytes += size;
      continue;
    }
    keptBytes += size;
    if (!needed) heldBackBytes += size;
  }
  return { blobs, freedBytes, keptBytes, heldBackBytes };
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
