import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '../image/index.ts';
import type { BlobPublisher } from './blobPublisher.ts';
import { FileIngest } from './fileIngest.ts';
import { listFolder, type StoreModes } from './files.ts';
import { FrontierHash, type PrefixDigest } from './frontierHash.ts';
import type { HashThread } from './hashThread.ts';
import { IngestFolder, readIngestRecord } from './ingestFolder.ts';
import { type IngestRecord, trustedRanges } from './ingestRecord.ts';
import { ingestFolder, type StoreLayout } from './layout.ts';
import type { GrantedLease } from './leaseKeeper.ts';
import { isLeaseToken } from './leaseRecord.ts';
import type { NameIo } from './nameIo.ts';
import { RangeSet } from './rangeSet.ts';
import { writeError } from './storeErrors.ts';
import { makeFolder } from './storeFormat.ts';
import type { IngestOptions } from './types.ts';
import type { WriteIo } from './writeIo.ts';

/** What every ingest of a store needs. */
export interface IngestContext {
  readonly layout: StoreLayout;
  readonly modes: StoreModes;
  readonly publisher: BlobPublisher;
  readonly io: WriteIo;
  readonly asyncWrites: boolean;
  readonly names: NameIo;
  /** For {@link Ingest.hashElsewhere}. */
  readonly hashThread: HashThread;
  readonly checkpointBytes: number;
  readonly clock: () => number;
  readonly bootId: string | undefined;
}

/** Those of the store. */
export interface IngestListeners {
  readonly onGrowth: () => void;
  readonly onEnd: (ingest: FileIngest) => void;
}

interface Leftover {
  readonly path: string;
  readonly token: string;
  readonly record: IngestRecord;
  readonly trusted: RangeSet;
}

/** What a holder before has left, checked as far as it can be. */
interface Resumed {
  readonly landed: RangeSet;
  readonly hash: FrontierHash;
  readonly checkpoints: readonly PrefixDigest[];
}

/**
 * Opens a blob for writing under a lease, going on from what earlier holders have left.
 *
 * The folder is named by the lease's token. A holder that has certainly ended hands over its folder by
 * a rename; that of any other is copied and removed, since its old holder may wake up and write on.
 */
export async function openIngest(
  context: IngestContext,
  descriptor: Descriptor,
  grant: GrantedLease,
  options: IngestOptions & IngestListeners,
): Promise<FileIngest> {
  const { lease, endedToken } = grant;
  const home = ingestFolder(context.layout, descriptor.digest);
  const path = join(home, lease.token);
  const { bootId, modes, names } = context;
  const folder = new IngestFolder(path, descriptor, { bootId, mode: modes.file });
  let file: FileHandle | undefined;
  try {
    const tokens = await listFolder(home, names);
    const leftover = await findLeftover(home, tokens, { descriptor, bootId });
    const adopted =
      leftover === undefined ? undefined : await adopt(leftover, path, endedToken, context);
    for (const token of tokens) {
      await rm(join(home, token), { recursive: true, force: true });
    }
    await makeFolder(path, modes.directory, names);
    file = await open(folder.dataPath, constants.O_RDWR | constants.O_CREAT, 0o666);
    if (modes.file !== undefined) await file.chmod(modes.file);
    const resumed = await resume(file, descriptor, adopted, options);
    if (adopted !== undefined) {
      await file.truncate(resumed.landed.toArray().at(-1)?.end ?? 0);
      const prefix = resumed.landed.endOf(0);
      const synced = adopted.synced.clippedTo(prefix).toArray();
      await folder.resume(resumed.landed.toArray(), { synced, checkpoints: resumed.checkpoints });
    }
    const { io, asyncWrites, checkpointBytes, clock, publisher, hashThread } = context;
    const { landed, hash } = resumed;
    const onEnd = (): void => options.onEnd(ingest);
    const { onGrowth } = options;
    const parts = { descriptor, lease, folder, file, landed, hash, publisher, io, asyncWrites };
    const ingest = new FileIngest({
      ...parts,
      hashThread,
      checkpointBytes,
      clock,
      onGrowth,
      onEnd,
    });
    return ingest;
  } catch (cause) {
    await file?.close();
    await lease.free();
    options.signal?.throwIfAborted();
    throw writeError(cause, path);
  }
}

/** The leftover folder with the most trusted bytes, where there is any. */
async function findLeftover(
  home: string,
  tokens: readonly string[],
  about: { readonly descriptor: Descriptor; readonly bootId: string | undefined },
): Promise<Leftover | undefined> {
  let best: Leftover | undefined;
  for (const token of tokens) {
    if (!isLeaseToken(token)) continue;
    const path = join(home, token);
    const record = await readIngestRecord(path);
    const trusted = trustedRanges(record, about.descriptor, about.bootId);
    if (trusted.bytes > (best?.trusted.bytes ?? 0)) best = { path, token, record, trusted };
  }
  return best;
}

interface Adopted {
  readonly trusted: RangeSet;
  readonly synced: RangeSet;
  readonly checkpoints: readonly PrefixDigest[];
}

/** Moves or copies a leftover to `path`; `undefined` when that fails and nothing is left of it. */
async function adopt(
  leftover: Leftover,
  path: string,
  endedToken: string | undefined,
  context: IngestContext,
): Promise<Adopted | undefined> {
  const { trusted, record } = leftover;
  const checkpoints = record.state?.checkpoints ?? [];
  try {
    if (leftover.token === endedToken && (await isOwn(leftover.path))) {
      await rename(leftover.path, path);
      return { trusted, synced: new RangeSet(record.state?.synced), checkpoints };
    }
    await makeFolder(path, context.modes.directory);
    await copyFile(join(leftover.path, 'data'), join(path, 'data'), constants.COPYFILE_FICLONE);
    return { trusted, synced: new RangeSet(), checkpoints };
  } catch {
    // No room for a copy, or its holder has removed it after all: start from nothing.
    await rm(path, { recursive: true, force: true });
    return undefined;
  }
}

async function isOwn(path: string): Promise<boolean> {
  const { uid } = await stat(join(path, 'data'));
  return process.geteuid === undefined || uid === process.geteuid();
}

/**
 * Hashes the prefix that is there and compares it with the recorded digests on the way. From the first
 * that differs nothing is trusted any more: the file is cut back to the last that was right.
 */
async function resume(
  file: FileHandle,
  descriptor: Descriptor,
  adopted: Adopted | undefined,
  options: IngestOptions,
): Promise<Resumed> {
  const landed = adopted?.trusted ?? new RangeSet();
  const hash = new FrontierHash(descriptor.digest, file, landed);
  if (adopted === undefined) return { landed, hash, checkpoints: [] };
  const prefixEnd = landed.endOf(0);
  const good: PrefixDigest[] = [];
  let snapshot = hash.snapshot();
  const onProgress = (bytes: number): void => {
    options.signal?.throwIfAborted();
    options.onVerifyProgress?.(bytes);
  };
  try {
    for (const checkpoint of adopted.checkpoints) {
      if (checkpoint.offset > prefixEnd) break;
      await hash.advanceTo(checkpoint.offset, onProgress);
      if (hash.prefixDigest().prefix !== checkpoint.prefix)
        throw new Error('the prefix is damaged');
      good.push(checkpoint);
      snapshot = hash.snapshot();
    }
    await hash.advanceTo(prefixEnd, onProgress);
    return { landed, hash, checkpoints: good };
  } catch {
    options.signal?.throwIfAborted();
    // A damaged or unreadable place: go on from the last good checkpoint, with a hash of that place.
    const kept = landed.clippedTo(snapshot.frontier);
    const rewound = new FrontierHash(descriptor.digest, file, kept);
    rewound.rewind(snapshot);
    return { landed: kept, hash: rewound, checkpoints: good };
  }
}
