import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type HolderIdentity, ownIdentity } from '../holder.ts';
import { BlobPublisher } from './blobPublisher.ts';
import { storeModes } from './files.ts';
import { HASH_THREAD_BYTES, HashThread } from './hashThread.ts';
import { IndexWriter } from './indexWriter.ts';
import { layoutOf } from './layout.ts';
import { LEASE_DEFAULTS, LeaseKeeper } from './leaseKeeper.ts';
import { LocalStore } from './localStore.ts';
import { type NameIo, namesFor } from './nameIo.ts';
import { ReferenceBook } from './referenceBook.ts';
import { prepareStore } from './storeFormat.ts';
import { CHECKPOINT_BYTES } from './syncPace.ts';
import type { Store } from './types.ts';
import { SYSTEM_IO, type WriteIo } from './writeIo.ts';

export interface StoreOptions {
  /**
   * Whether a directory that is missing or empty is made into a store.
   * @defaultValue true
   */
  readonly create?: boolean | undefined;
  /**
   * Permission bits of published blobs, at most; the umask takes from them.
   * @defaultValue 0o444
   */
  readonly blobMode?: number | undefined;
  /**
   * Makes what is written usable by the directory's group whatever the umask: folders 2775, files
   * 0664, blobs as `blobMode` says.
   * @defaultValue as the directory is: true where it has set-gid and its group may write
   */
  readonly groupShared?: boolean | undefined;
  /**
   * Writes on the thread pool instead of blocking: for network file systems, whose writes may take
   * long. A chunk then belongs to the store until the promise of its write settles.
   * @defaultValue false
   */
  readonly asyncWrites?: boolean | undefined;
  /**
   * After how much new data an unfinished blob is synced and recorded, so that a crash of the machine
   * costs no more; on slow links it also happens every 30 s.
   * @defaultValue 67108864
   */
  readonly checkpointBytes?: number | undefined;
  /**
   * How often a process shows that it still holds what it holds.
   * @defaultValue 5000
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * How long a holder elsewhere must be silent before its lease is taken over; the same for all who
   * share a store.
   * @defaultValue 30000
   */
  readonly leaseStaleMs?: number | undefined;
  /** Milliseconds that never go back. @defaultValue `performance.now` */
  readonly clock?: (() => number) | undefined;
  /** Who this process is to others. @defaultValue host, pid, start, boot and pid namespace */
  readonly identity?: HolderIdentity | undefined;
  /**
   * The smallest blob that a thread is started for when {@link Ingest.hashElsewhere} is called;
   * `Infinity` for none.
   * @defaultValue 33554432, and none where there is one processor
   */
  readonly hashThreadBytes?: number | undefined;
  /** Threads of Node's pool (`UV_THREADPOOL_SIZE`), on which files are synced. @defaultValue 4 */
  readonly poolThreads?: number | undefined;
  /** What is done to names before a blob moves. @defaultValue what suits the file system */
  readonly names?: NameIo | undefined;
  /** The system calls that write. @defaultValue those of `node:fs` */
  readonly io?: Partial<WriteIo> | undefined;
}

/**
 * Opens the store in a directory, or makes one there.
 * @throws LongshoreError `ERR_STORE_VERSION` (a newer Longshore wrote it), `ERR_NOT_A_STORE` (the
 *   directory holds something else), `ERR_STORE_NOT_WRITABLE`, `ERR_DISK_FULL`
 */
export async function openStore(path: string, options: StoreOptions = {}): Promise<Store> {
  const layout = layoutOf(resolve(path));
  const modes = await storeModes(layout.root, options);
  const isNew = await prepareStore(layout, modes, options.create ?? true);
  const clock = options.clock ?? (() => performance.now());
  const identity = options.identity ?? ownIdentity();
  const io = { ...SYSTEM_IO, ...options.io };
  const staleMs = options.leaseStaleMs ?? LEASE_DEFAULTS.staleMs;
  const heartbeatMs = options.heartbeatMs ?? LEASE_DEFAULTS.heartbeatMs;
  const names = options.names ?? (await namesFor(layout.root));
  const book = new ReferenceBook(layout, modes);
  const context = {
    layout,
    modes,
    publisher: new BlobPublisher(layout, modes, (file) => io.syncData(file), options.poolThreads),
    io,
    asyncWrites: options.asyncWrites ?? false,
    names,
    hashThread: new HashThread(options.hashThreadBytes ?? hashThreadBytes()),
    checkpointBytes: options.checkpointBytes ?? CHECKPOINT_BYTES,
    clock,
    bootId: identity.bootId,
  };
  const timing = { heartbeatMs, staleMs };
  const leases = new LeaseKeeper({ layout, modes, identity, timing, clock, names });
  const index = new IndexWriter(layout, modes, book);
  index.heal();
  return new LocalStore({ context, book, index, leases, staleMs, isNew });
}

/** Another thread on the same processor takes as much from the first as it gives. */
function hashThreadBytes(): number {
  return availableParallelism() > 1 ? HASH_THREAD_BYTES : Number.POSITIVE_INFINITY;
}
