import { fchmodSync, fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '../image/index.ts';
import { type StoreModes, syncFolder } from './files.ts';
import { blobFile, type StoreLayout } from './layout.ts';

/**
 * Syncing runs on the thread pool, which has four threads by default and serves all other file work
 * too; more than two at once would hold up heartbeats behind slow disks.
 */
const MAX_SYNCS = 2;

/** The last step of every write: synced, then renamed into `blobs/`, then the folder synced. */
export class BlobPublisher {
  readonly #layout: StoreLayout;
  readonly #modes: StoreModes;
  readonly #syncData: (file: FileHandle) => Promise<void>;
  readonly #waiting: (() => void)[] = [];
  readonly #folderSyncs = new Map<string, FolderSync>();
  #syncing = 0;

  constructor(
    layout: StoreLayout,
    modes: StoreModes,
    syncData: (file: FileHandle) => Promise<void>,
  ) {
    this.#layout = layout;
    this.#modes = modes;
    this.#syncData = syncData;
  }

  /** Whether a sync would begin at once. */
  get hasRoom(): boolean {
    return this.#syncing < MAX_SYNCS;
  }

  /** `fdatasync`, a few at a time. */
  async sync(file: FileHandle): Promise<void> {
    if (this.#syncing >= MAX_SYNCS) {
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
