import { randomBytes } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../errors.ts';
import {
  describeHolder,
  type HolderIdentity,
  isProvablyAlive,
  isProvablyDead,
  probeProcess,
} from '../holder.ts';
import type { Digest } from '../image/index.ts';
import { type StoreModes, temporaryName } from './files.ts';
import { HeldLease, listGenerations, removeGenerations } from './heldLease.ts';
import { digestKey, type StoreLayout } from './layout.ts';
import { formatLeaseHead, formatLeasePulse, type LeaseWatch, parseLease } from './leaseRecord.ts';
import { type NameIo, POOLED_NAMES } from './nameIo.ts';
import { fileSystemNow, runMarkName } from './runMarks.ts';
import { writeError } from './storeErrors.ts';

export interface LeaseTiming {
  readonly heartbeatMs: number;
  readonly staleMs: number;
}

/** How often a holder shows that it lives, and after how much silence it is taken for gone. */
export const LEASE_DEFAULTS: LeaseTiming = { heartbeatMs: 5000, staleMs: 30_000 };

/** How often, and after how long at first, a folder is tried again that the group may not write to yet. */
const MOST_TRIES = 6;
const FIRST_GAP_MS = 20;

export interface LeaseKeeperOptions {
  readonly layout: StoreLayout;
  readonly modes: StoreModes;
  readonly identity: HolderIdentity;
  readonly timing: LeaseTiming;
  readonly clock: () => number;
  /** @defaultValue {@link POOLED_NAMES} */
  readonly names?: NameIo | undefined;
}

/** A lease that is ours now. */
export interface GrantedLease {
  readonly lease: HeldLease;
  /** Token of the holder before, when it is certain that it writes no more. */
  readonly endedToken: string | undefined;
}

/** A try for a lease: ours now, or somebody else's. */
export type LeaseAttempt = GrantedLease | { readonly lease: undefined; readonly heldBy: string };

/**
 * Takes and keeps leases. A lease on a blob is a folder of numbered files; the highest number holds it.
 * Taking a lease, also from a holder that is gone, is creating the next number exclusively, which one
 * process only can do. Nobody ever removes the highest number but its holder, once the blob is
 * there. `README.md` tells why this cannot go wrong.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #names: NameIo;
  readonly #held = new Set<HeldLease>();
  #timer: NodeJS.Timeout | undefined;
  #beating = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#names = options.names ?? POOLED_NAMES;
  }

  /** One try to get the lease on a blob. `watch` is the same over all tries of one waiter. */
  async attempt(digest: Digest, watch: LeaseWatch): Promise<LeaseAttempt> {
    const folder = join(this.#options.layout.leases, digestKey(digest));
    const isShared = this.#options.modes.directory !== undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#tryIn(folder, watch);
      } catch (cause) {
        // Who has just made the folder is about to open it to the group.
        const mayOpen = isShared && errnoOf(cause) === 'EACCES' && tries < MOST_TRIES;
        if (!mayOpen) throw writeError(cause, folder);
        await sleep(tries * FIRST_GAP_MS);
      }
    }
  }

  async #tryIn(folder: string, watch: LeaseWatch): Promise<LeaseAttempt> {
    // Whoever makes the folder finds nothing in it.
    const seen = (await this.#makeFolder(folder)) ? [] : await listGenerations(folder, this.#names);
    const top = seen.at(-1) ?? 0;
    const judged = await this.#judge(folder, top, watch);
    if (judged.state === 'held') return { lease: undefined, heldBy: judged.heldBy };
    const lease = await this.#create(folder, top + 1);
    if (lease === undefined) return { lease: undefined, heldBy: 'another process' };
    if (!(await this.#isRightful(folder, lease, { seen, top, text: judged.text }))) {
      await lease.withdraw();
      return { lease: undefined, heldBy: 'another process' };
    }
    if (top > 0) await removeGenerations(folder, top + 1);
    return { lease, endedToken: judged.endedToken };
  }

  /**
   * Marks that this process works on the store, so that `prune` spares what it relies on: what was
   * published or marked as used since `startedAtMs`.
   * @param startedAtMs by the clock of the file system; 0 spares everything. @defaultValue now
   */
  async startRun(startedAtMs?: number): Promise<HeldLease> {
    const token = randomBytes(8).toString('hex');
    const { layout } = this.#options;
    let path = layout.leases;
    try {
      const name = runMarkName(startedAtMs ?? (await fileSystemNow(layout)), token);
      path = join(layout.leases, name);
      // A mark without text, as a kill in between would leave it, would hold every prune back for minutes.
      const begun = temporaryName(path);
      await this.#writeHead(begun, token);
      await rename(begun, path);
      return this.#hold(path, undefined, token);
    } catch (cause) {
      throw writeError(cause, path);
    }
  }

  /** Whether a process on this machine holds the blob right now, whatever the age of its files. */
  async isHeldHere(digest: Digest): Promise<boolean> {
    const folder = join(this.#options.layout.leases, digestKey(digest));
    const top = (await listGenerations(folder)).at(-1);
    const text = top === undefined ? undefined : await readLease(folder, top);
    const record = text === undefined ? undefined : parseLease(text);
    if (record === undefined || record.free) return false;
    return isProvablyAlive(record.holder, this.#options.identity, probeProcess);
  }

  async #judge(folder: string, top: number, watch: LeaseWatch): Promise<Judgement> {
    if (top === 0) return { state: 'open', text: undefined, endedToken: undefined };
    const text = await readLease(folder, top);
    if (text === undefined) return { state: 'held', heldBy: 'another process' };
    const record = parseLease(text);
    if (
      record?.free === true ||
      (record !== undefined && isProvablyDead(record.holder, this.#options.identity, probeProcess))
    ) {
      return { state: 'open', text, endedToken: record.token };
    }
    if (watch.isSilent(`${top} ${text}`, this.#options.clock())) {
      return { state: 'open', text, endedToken: undefined };
    }
    const heldBy =
      record === undefined
        ? 'another process'
        : describeHolder(record.holder, this.#options.identity);
    return { state: 'held', heldBy };
  }

  /**
   * Between looking and creating, the whole lease may have been removed and begun anew from 1 by others.
   * Then there is a generation that was not there before, or the judged one is another's now.
   */
  async #isRightful(
    folder: string,
    lease: HeldLease,
    before: { seen: readonly number[]; top: number; text: string | undefined },
  ): Promise<boolean> {
    const now = await listGenerations(folder, this.#names);
    if (now.at(-1) !== before.top + 1) return false;
    const others = now.slice(0, -1);
    if (!others.every((generation) => before.seen.includes(generation))) return false;
    if (!others.includes(before.top)) return !lease.signal.aborted;
    const text = await readLease(folder, before.top);
    const token = text === undefined ? undefined : parseLease(text)?.token;
    const judged = before.text === undefined ? undefined : parseLease(before.text)?.token;
    return text === undefined || token === judged;
  }

  async #create(folder: string, generation: number): Promise<HeldLease | undefined> {
    const path = join(folder, String(generation));
    const successor = join(folder, String(generation + 1));
    for (let tries = 0; tries < 5; tries += 1) {
      try {
        return await this.#write(path, successor, randomBytes(8).toString('hex'));
      } catch (error) {
        // A holder that has just finished has removed the folder.
        if (errnoOf(error) !== 'ENOENT') throw error;
        await this.#makeFolder(folder);
      }
    }
    return undefined;
  }

  /** True when it was not there before. */
  async #makeFolder(folder: string): Promise<boolean> {
    const { directory } = this.#options.modes;
    try {
      await this.#names.makeFolder(folder);
      if (directory !== undefined) await this.#names.setMode(folder, directory);
      return true;
    } catch (error) {
      if (!['EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
      if (errnoOf(error) === 'ENOENT') await this.#names.makeFolders(this.#options.layout.leases);
      return false;
    }
  }

  async #write(
    path: string,
    successorPath: string | undefined,
    token: string,
  ): Promise<HeldLease | undefined> {
    try {
      await this.#writeHead(path, token);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return undefined;
      throw error;
    }
    return this.#hold(path, successorPath, token);
  }

  async #writeHead(path: string, token: string): Promise<void> {
    const { identity, modes } = this.#options;
    const text = formatLeaseHead(token, identity) + formatLeasePulse('held', 0);
    await this.#names.create(path, text, modes.file);
  }

  #hold(path: string, successorPath: string | undefined, token: string): HeldLease {
    const { timing, clock } = this.#options;
    const onEnd = (ended: HeldLease): void => this.#forget(ended);
    const { staleMs } = timing;
    const lease = new HeldLease({ token, path, successorPath, staleMs, clock, onEnd });
    this.#held.add(lease);
    this.#timer ??= setInterval(() => void this.#beatAll(), timing.heartbeatMs).unref();
    return lease;
  }

  async #beatAll(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      await Promise.all([...this.#held].map((lease) => lease.beat()));
    } finally {
      this.#beating = false;
    }
  }

  #forget(lease: HeldLease): void {
    this.#held.delete(lease);
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

type Judgement =
  | {
      readonly state: 'open';
      readonly text: string | undefined;
      readonly endedToken: string | undefined;
    }
  | { readonly state: 'held'; readonly heldBy: string };

async function readLease(folder: string, generation: number): Promise<string | undefined> {
  try {
    return await readFile(join(folder, String(generation)), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
