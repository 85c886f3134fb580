import { setTimeout as sleep } from 'node:timers/promises';
import type { Limiter, Permit } from '../concurrency/index.ts';
import { LongshoreError } from '../errors.ts';
import type { Registry, RepositoryAddress } from '../registry/index.ts';
import type { Ingest, Store } from '../store/index.ts';
import { BlobActivity } from './activity.ts';
import { summariseError } from './errors.ts';
import type { EventListener } from './events.ts';
import type { PlannedBlob } from './plan.ts';
import { afterFailure, NO_TROUBLE, type Trouble } from './retry.ts';

/** Blobs up to this size (configs, mostly) cost a request, not bandwidth: they go as metadata. */
export const SMALL_BLOB_BYTES: number = 64 * 1024;

/** What the moves of one run have in common. */
export interface MoveContext {
  readonly store: Store;
  readonly registry: Registry;
  readonly limiter: Limiter;
  /** One class for all sizes, so that `--serial` means one request at a time. */
  readonly oneClass: boolean;
  /** Blobs that move now, for the progress view. */
  readonly active: Set<BlobActivity>;
  readonly emit: EventListener;
  readonly now: () => number;
  readonly random: () => number;
  /** Counts bytes that came over the network and were kept. */
  readonly onBytes: (bytes: number) => void;
  /** Nothing new is started once this is aborted. */
  readonly drain: AbortSignal;
  /** Everything stops at once. */
  readonly signal: AbortSignal;
}

export interface MovedBlob {
  readonly by: 'this-run' | 'another-process';
  readonly fetchedBytes: number;
}

/**
 * Brings one blob into the store, whatever it takes: waits for a permit, goes on where an earlier
 * run stopped, reopens broken streams where they broke, and asks other repositories when one
 * refuses. What has come stays in the store also when this throws.
 */
export async function moveBlob(blob: PlannedBlob, context: MoveContext): Promise<MovedBlob> {
  const move = new Move(blob, context);
  try {
    return await move.run();
  } finally {
    await move.end();
  }
}

class Move {
  readonly #blob: PlannedBlob;
  readonly #context: MoveContext;
  readonly #activity: BlobActivity;
  #ingest: Ingest | undefined;
  #trouble: Trouble = NO_TROUBLE;
  #fetchedBytes = 0;

  constructor(blob: PlannedBlob, context: MoveContext) {
    this.#blob = blob;
    this.#context = context;
    this.#activity = new BlobActivity(blob, context.now());
  }

  async run(): Promise<MovedBlob> {
    for (;;) {
      try {
        const by = await this.#attempt();
        return { by, fetchedBytes: this.#fetchedBytes };
      } catch (error) {
        if (this.#context.signal.aborted || this.#context.drain.aborted) throw error;
        await this.#recover(error);
      }
    }
  }

  async end(): Promise<void> {
    this.#context.active.delete(this.#activity);
    await this.#ingest?.release();
  }

  /** One go at it, under a permit; what is verified and synced at the end needs none. */
  async #attempt(): Promise<MovedBlob['by']> {
    let permit = await this.#acquire();
    this.#context.active.add(this.#activity);
    try {
      if (this.#ingest === undefined) {
        const opened = await this.#openIngest(permit);
        if (opened === undefined) return 'another-process';
        this.#ingest = opened;
        if (permit.released) permit = await this.#acquire();
      }
      this.#activity.state = 'moving';
      await this.#fetchMissing(this.#ingest);
    } finally {
      permit.release();
    }
    await this.#commit(this.#ingest);
    return 'this-run';
  }

  async #commit(ingest: Ingest): Promise<void> {
    try {
      await ingest.commit();
    } finally {
      this.#ingest = undefined;
      await ingest.release();
    }
  }

  #acquire(): Promise<Permit> {
    const { size } = this.#blob.descriptor;
    const { limiter, oneClass, drain } = this.#context;
    return limiter.acquire({
      kind: size <= SMALL_BLOB_BYTES && !oneClass ? 'metadata' : 'body',
      bytes: size - this.#blob.partialBytes,
      // Once begun it goes before the rest: its space on disk is taken and its image waits.
      priority: this.#trouble === NO_TROUBLE ? 0 : 1,
      signal: drain,
      label: this.#blob.label,
    });
  }

  /** A permit is for moving bytes: it is given back while another process moves them. */
  async #openIngest(permit: Permit): Promise<Ingest | undefined> {
    const { store, emit, now, signal } = this.#context;
    const { descriptor } = this.#blob;
    const activity = this.#activity;
    activity.state = this.#blob.partialBytes > 0 ? 'verifying' : 'moving';
    const ingest = await store.ingest(descriptor, {
      signal,
      onWait: (holder) => {
        permit.release();
        activity.state = 'waiting';
        emit({ type: 'blob.waiting', at: now(), digest: descriptor.digest, holder });
      },
      onWaitProgress: (bytes) => {
        activity.doneBytes = bytes;
      },
    });
    activity.doneBytes = ingest?.resumedBytes ?? descriptor.size;
    return ingest;
  }

  async #fetchMissing(ingest: Ingest): Promise<void> {
    const signal = AbortSignal.any([this.#context.signal, ingest.signal]);
    for (let gap = ingest.missing()[0]; gap !== undefined; gap = ingest.missing()[0]) {
      await this.#fetchRange(ingest, gap.start, signal);
      if (ingest.missing()[0]?.start === gap.start) throw noProgress(this.#source());
    }
  }

  /** Reads from `start` to the end of the blob, or to where bytes are held already. */
  async #fetchRange(ingest: Ingest, start: number, signal: AbortSignal): Promise<void> {
    const { registry, emit, now, onBytes } = this.#context;
    const { descriptor } = this.#blob;
    const stream = await registry.openBlob(this.#source(), descriptor, {
      ...(start > 0 ? { start } : {}),
      signal,
    });
    const { digest, size } = descriptor;
    emit({
      type: 'blob.started',
      at: now(),
      digest,
      size,
      offset: stream.start,
      origin: stream.origin,
    });
    let offset = stream.start;
    await stream.consume((chunk) => {
      // A server that ignores the range sends what is held already; those bytes are passed over.
      const held = Math.min(chunk.byteLength, Math.max(0, start - offset));
      const fresh = held === 0 ? chunk : chunk.subarray(held);
      const at = offset + held;
      offset += chunk.byteLength;
      if (fresh.byteLength === 0) return undefined;
      this.#fetchedBytes += fresh.byteLength;
      this.#activity.moved(fresh.byteLength);
      onBytes(fresh.byteLength);
      return ingest.write(at, fresh);
    });
  }

  #source(): RepositoryAddress {
    const { sources } = this.#blob;
    const source = sources[this.#trouble.source] ?? sources[0];
    if (source === undefined) throw new TypeError('A planned blob has no source');
    return source;
  }

  async #recover(error: unknown): Promise<void> {
    const { emit, now, random, signal, drain } = this.#context;
    if (this.#ingest === undefined) this.#activity.doneBytes = 0;
    const next = afterFailure(error, this.#trouble, {
      heldBytes: this.#activity.doneBytes,
      sources: this.#blob.sources.length,
      random: random(),
    });
    if (next.action === 'fail') throw error;
    this.#trouble = next.trouble;
    this.#activity.state = 'retrying';
    emit({
      type: 'blob.retry',
      at: now(),
      digest: this.#blob.descriptor.digest,
      attempt: next.trouble.attempts,
      delayMs: next.delayMs,
      offset: this.#activity.doneBytes,
      error: summariseError(error),
    });
    if (next.delayMs > 0) {
      await sleep(next.delayMs, undefined, { signal: AbortSignal.any([signal, drain]) });
    }
  }
}

function noProgress({ registry }: RepositoryAddress): LongshoreError {
  return new LongshoreError(`${registry} answered without sending any of the bytes asked for`, {
    code: 'ERR_BODY_TRUNCATED',
    origin: 'registry',
    retryable: true,
  });
}
