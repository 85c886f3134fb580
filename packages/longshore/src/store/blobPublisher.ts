import { fchmodSync, fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '../image/index.ts';
import { type StoreModes, syncFolder } from './files.ts';
import { blobFile, type StoreLayout } from './layout.ts';

/**
 * Threads of the pool that syncs of data leave to other file work, or slow disks would hold up
 * heartbeats: the syncs of folders and records are not counted here.
 */
const SPARED_THREADS = 4;
/** Node's own. */
const POOL_THREADS = 4;

/** The last step of every write: synced, then renamed into `blobs/`, then the folder synced. */
export class BlobPublisher {
  readonly #layout: StoreLayout;
  readonly #modes: StoreModes;
  readonly #syncData: (file: FileHandle) => Promise<void>;
  readonly #waiting: (() => void)[] = [];
  readonly #maxSyncs: number;
  readonly #folderSyncs = new Map<string, FolderSync>();
  #syncing = 0;

  constructor(
    layout: StoreLayout,
    modes: StoreModes,
    syncData: (file: FileHandle) => Promise<void>,
    poolThreads: number = POOL_THREADS,
  ) {
    this.#layout = layout;
    this.#modes = modes;
    this.#syncData = syncData;
    // A flush of the disk takes as long as all that was written before it: blobs that end while one
    // runs should all be in the next, and not queue for the one after that.
    this.#maxSyncs = Math.max(2, poolThreads - SPARED_THREADS);
  }

  /** Whether a sync would begin at once. */
  get hasRoom(): boolean {
    return this.#syncing < this.#maxSyncs;
  }

  /** `fdatasync`, a few at a time. */
  async sync(file: FileHandle): Promise<void> {
    if (this.#syncing >= this.#maxSyncs) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#syncing += 1;
    }
    try {
      await this.#syncData(file);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#syncing -= 1;
      else next();
    }
  }

  /** Gives a complete file its final permissions: nobody writes to a published blob. */
  protect(file: FileHandle): void {
    const { mode } = fstatSync(file.fd);
    // The file was made with 0666 less the umask, so the umask need not be asked (asking sets it).
    const allowed = this.#modes.file === undefined ? mode : 0o666;
    fchmodSync(file.fd, this.#modes.blob & allowed & 0o777);
  }

  /** Renames a synced and protected file to where the blob belongs. */
  async publish(path: string, digest: Digest): Promise<void> {
    const target = blobFile(this.#layout, digest);
    await rename(path, target);
    await this.#syncFolder(dirname(target));
  }

  /** One sync of a folder serves all renames that came before it. */
  async #syncFolder(path: string): Promise<void> {
    const entry = this.#folderSyncs.get(path) ?? { running: undefined, next: undefined };
    this.#folderSyncs.set(path, entry);
    if (entry.running === undefined) {
      entry.running = syncFolder(path).finally(() => {
        entry.running = undefined;
      });
      return entry.running;
    }
    // The running one may have begun before our rename; the one after it has not.
    entry.next ??= entry.running
      .catch(() => undefined)
      .then(() => {
        entry.next = undefined;
        return this.#syncFolder(path);
      });
    return entry.next;
  }
}

interface FolderSync {
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}
