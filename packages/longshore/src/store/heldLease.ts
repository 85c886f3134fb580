import { open, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { listFolder, removeFolderQuietly } from './files.ts';
import { formatLeasePulse, parseLease } from './leaseRecord.ts';
import { type NameIo, POOLED_NAMES } from './nameIo.ts';

export interface HeldLeaseOptions {
  readonly token: string;
  readonly path: string;
  /** Exists once somebody has taken the lease over; `undefined` for a lease that cannot be. */
  readonly successorPath: string | undefined;
  /** After how much silence others take over. */
  readonly staleMs: number;
  readonly clock: () => number;
  readonly onEnd: (lease: HeldLease) => void;
}

/**
 * A lease of this process. It is kept alive by `beat`; when that shows that it has been taken over, or
 * cannot be done for so long that it may have been, `signal` aborts.
 */
export class HeldLease {
  readonly token: string;
  readonly path: string;
  readonly #successorPath: string | undefined;
  readonly #staleMs: number;
  readonly #clock: () => number;
  readonly #onEnd: (lease: HeldLease) => void;
  readonly #lost = new AbortController();
  #beats = 0;
  #confirmedMs: number;
  #ended = false;

  constructor(options: HeldLeaseOptions) {
    this.token = options.token;
    this.path = options.path;
    this.#successorPath = options.successorPath;
    this.#staleMs = options.staleMs;
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
    this.#confirmedMs = options.clock();
  }

  /** Aborted when the lease is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** After this moment the lease must be confirmed before anything else is written. */
  get validUntilMs(): number {
    return this.#confirmedMs + this.#staleMs / 2;
  }

  /** Shows that this process lives, and finds out whether the lease is still its own. */
  async beat(): Promise<void> {
    if (this.#ended) return;
    const startedMs = this.#clock();
    const outcome = await this.#pulse('held');
    if (outcome === 'ours') this.#confirmedMs = startedMs;
    else if (outcome === 'gone' || this.#clock() - this.#confirmedMs > this.#staleMs * 0.7) {
      this.#lose();
    }
  }

  /**
   * True when the lease is still this process's own. It looks, unless it has just done so: nobody takes
   * over sooner than after `staleMs` of silence.
   */
  async confirm(): Promise<boolean> {
    if (!this.#isFresh()) await this.beat();
    return !this.#ended && this.#clock() < this.validUntilMs;
  }

  /** Lets go, and leaves the file as the mark of the newest generation. */
  async free(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    await this.#pulse('free');
  }

  /** Lets go for good: the blob is there, nobody needs a lease on it any more. */
  async remove(): Promise<void> {
    if (this.#ended) return;
    const ours = this.#isFresh() || (await this.#pulse('held')) === 'ours';
    this.#end();
    if (!ours) return;
    if (this.#successorPath === undefined) return removeLeaseFile(this.path);
    const folder = dirname(this.path);
    await removeGenerations(folder, Number(basename(this.path)) + 1);
    await removeFolderQuietly(folder);
  }

  /** Takes back a lease that was created against the rules: only its own file goes. */
  async withdraw(): Promise<void> {
    this.#end();
    await removeLeaseFile(this.path);
  }

  #isFresh(): boolean {
    return this.#clock() - this.#confirmedMs < this.#staleMs / 20;
  }

  #lose(): void {
    this.#end();
    this.#lost.abort();
  }

  #end(): void {
    this.#ended = true;
    this.#onEnd(this);
  }

  /**
   * Opens the file by its path, so that a file system that caches asks its server, and writes only when
   * the token in the very file that was opened is ours.
   */
  async #pulse(state: 'held' | 'free'): Promise<'ours' | 'gone' | 'unknown'> {
    try {
      if (await this.#hasSuccessor()) return 'gone';
      const file = await open(this.path, 'r+');
      try {
        const text = await file.readFile('utf8');
        if (parseLease(text)?.token !== this.token) return 'gone';
        this.#beats += 1;
        await file.write(formatLeasePulse(state, this.#beats), text.indexOf('\n') + 1);
        return 'ours';
      } finally {
        await file.close();
      }
    } catch (error) {
      return ['ENOENT', 'ESTALE', 'ENOTDIR'].includes(errnoOf(error) ?? '') ? 'gone' : 'unknown';
    }
  }

  async #hasSuccessor(): Promise<boolean> {
    if (this.#successorPath === undefined) return false;
    try {
      await stat(this.#successorPath);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

/** The generations of a lease folder, oldest first; none when there is no such folder. */
export async function listGenerations(
  folder: string,
  names: NameIo = POOLED_NAMES,
): Promise<number[]> {
  return (await listFolder(folder, names))
    .filter((name) => /^[1-9]\d{0,14}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Removes the generations below `limit`, oldest first, so that a newer one is never gone before an older. */
export async function removeGenerations(folder: string, limit: number): Promise<void> {
  for (const generation of await listGenerations(folder)) {
    if (generation < limit) await removeLeaseFile(join(folder, String(generation)));
  }
}

async function removeLeaseFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
