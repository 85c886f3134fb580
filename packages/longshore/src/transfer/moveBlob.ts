import { setTimeout as sleep } from 'node:timers/promises';
import type { Permit } from '../concurrency/index.ts';
import { LongshoreError } from '../errors.ts';
import type { BlobStream, RepositoryAddress } from '../registry/index.ts';
import type { ByteRange, Ingest } from '../store/index.ts';
import { BlobActivity } from './activity.ts';
import { summariseError } from './errors.ts';
import { ENOUGH, Flow, uncovered } from './flow.ts';
import type { Slot } from './lane.ts';
import { metInError } from './met.ts';
import type { MoveContext, MovedBlob } from './moveContext.ts';
import { type PlannedBlob, remainingBytes, turnOf } from './plan.ts';
import { type BodyTarget, both, readBody, type Wait } from './readBody.ts';
import {
  afterFailure,
  endedHow,
  isDenied,
  isRangeTrouble,
  isThrottled,
  NO_TROUBLE,
  retryAfterMs,
  type Trouble,
} from './retry.ts';

/** Blobs up to this size (configs, mostly) cost a request, not bandwidth: they go beside the width while they may. */
const SMALL_BLOB_BYTES = 64 * 1024;
/** From this size on the first request asks for `bytes=0-`: a 206 is the proof that ranges work. */
const DIVISIBLE_BYTES = 2 * 1024 * 1024;

/** After a helper was denied the next one waits; twice as long each time until an answer was good. */
const FIRST_HELP_PAUSE_MS = 1000;
const LONGEST_HELP_PAUSE_MS = 30_000;

/** A stretch of a blob to fetch, and the permit to do it under. */
interface FlowWork {
  readonly ingest: Ingest;
  readonly range: ByteRange;
  readonly slot: Slot;
}

/**
 * Brings one blob into the store, whatever it takes: waits for a permit, goes on where an earlier
 * run stopped, reopens broken streams where they broke, asks other repositories when one refuses,
 * and lets idle permits take over its tail. What has come stays in the store also when it fails.
 *
 * Thousands of them wait at the same time: until its permit comes one costs a few hundred bytes.
 */
export class BlobMove {
  readonly #blob: PlannedBlob;
  readonly #context: MoveContext;
  readonly #flows = new Set<Flow>();
  readonly #helpers = new Set<Promise<void>>();
  #activity: BlobActivity | undefined;
  /** Cuts the wait before the next try short. */
  #pause: AbortController | undefined;
  #cancelled = false;
  /** A helper was denied: none is taken until then, */
  #helpFromMs = 0;
  /** and so much later after the next. */
  #helpPauseMs = FIRST_HELP_PAUSE_MS;
  /** Some of it came as an answer to a range, or in an earlier run. */
  #inPieces = false;
  #ingest: Ingest | undefined;
  #trouble: Trouble = NO_TROUBLE;
  #fetchedBytes = 0;

  constructor(blob: PlannedBlob, context: MoveContext) {
    this.#blob = blob;
    this.#context = context;
  }

  get registry(): string {
    return this.#source().registry;
  }

  get takesHelp(): boolean {
    return this.#trouble.whole === 'no' && this.#context.now() >= this.#helpFromMs;
  }

  /** True once nobody needs the blob any more. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  async run(): Promise<MovedBlob> {
    try {
      for (;;) {
        try {
          const by = await this.#attempt();
          return { by, fetchedBytes: this.#fetchedBytes };
        } catch (error) {
          const { signal, drain } = this.#context;
          if (this.#cancelled || signal.aborted || drain.aborted) throw error;
          await this.#recover(error);
        }
      }
    } finally {
      await this.#end();
    }
  }

  /** Nobody needs the blob any more: stops, and keeps what has come. */
  cancel(): void {
    this.#cancelled = true;
    this.#pause?.abort(unneeded());
    for (const flow of this.#flows) flow.abort(unneeded());
  }

  async #end(): Promise<void> {
    for (const flow of this.#flows) flow.abort(unneeded());
    if (this.#activity !== undefined) this.#context.active.delete(this.#activity);
    await Promise.all(this.#helpers);
    await this.#ingest?.release();
  }

  /** A stretch that nobody fetches, while flows are busy with others; left by one that stepped aside. */
  orphan(): ByteRange | undefined {
    if (this.#ingest === undefined || this.#flows.size === 0) return undefined;
    return this.#gaps(this.#ingest)[0];
  }

  #gaps(ingest: Ingest): ByteRange[] {
    return uncovered(ingest.missing(), this.#flows);
  }

  /** Fetches `range`, which its owner has given away, on a connection of its own. */
  help(range: ByteRange, slot: Slot): void {
    // Its pieces come out of order from here on, and are read back in any case.
    this.#ingest?.hashElsewhere();
    const helper = this.#tryToHelp(range, slot).finally(() => {
      slot.permit.release();
      this.#helpers.delete(helper);
    });
    this.#helpers.add(helper);
  }

  /** What a helper cannot do stays missing, and the owner comes to it in its own time. */
  async #tryToHelp(range: ByteRange, slot: Slot): Promise<void> {
    try {
      if (this.#ingest !== undefined) await this.#runFlow({ ingest: this.#ingest, range, slot });
    } catch (error) {
      // The owner meets the same trouble, and it is the owner who tells and counts it; unless it had
      // its bytes from a request without an offset, or before the server changed its mind.
      if (isRangeTrouble(error)) this.#context.flows.rangesRefused(this.registry);
      else if (isDenied(error)) this.#pauseHelp();
    }
  }

  /** Those that were sent before the first of them was denied are denied as well, and count once. */
  #pauseHelp(): void {
    const now = this.#context.now();
    if (now < this.#helpFromMs) return;
    this.#helpFromMs = now + this.#helpPauseMs;
    this.#helpPauseMs = Math.min(LONGEST_HELP_PAUSE_MS, 2 * this.#helpPauseMs);
  }

  /**
   * One go at it, under a permit; none is needed for what is verified and synced at the end, nor while
   * what an earlier run has left is verified.
   */
  async #attempt(): Promise<MovedBlob['by']> {
    const { verifying, drain } = this.#context;
    let slot = this.#isToVerify ? undefined : await this.#acquire();
    // Verifying goes no further ahead than by what is fetched next.
    using opening = slot?.permit ?? (await verifying.acquire({ signal: drain }));
    const activity = this.#activity ?? new BlobActivity(this.#blob, this.#context.now());
    this.#activity = activity;
    this.#context.active.add(activity);
    try {
      if (this.#cancelled) throw unneeded();
      this.#ingest ??= await this.#openIngest(opening, activity);
      const ingest = this.#ingest;
      if (ingest === undefined) return 'another-process';
      if (slot !== undefined) activity.state = 'moving';
      for (;;) {
        const gap = this.#gaps(ingest)[0];
        if (gap === undefined) {
          if (this.#helpers.size === 0) break;
          slot?.permit.release();
          await Promise.race(this.#helpers);
        } else if (this.#cancelled) {
          throw unneeded();
        } else if (slot === undefined || slot.permit.released) {
          slot = await this.#acquire();
          opening.release();
          activity.state = 'moving';
        } else if (slot.lane.isSurplus(slot)) {
          slot.permit.release();
        } else if (!slot.lane.mayRequest) {
          await slot.lane.untilMayRequest(drain, slot);
        } else {
          await this.#runFlow({ ingest, range: gap, slot });
        }
      }
      slot?.permit.release();
      await this.#commit(ingest);
      return 'this-run';
    } finally {
      slot?.permit.release();
    }
  }

  async #commit(ingest: Ingest): Promise<void> {
    try {
      await ingest.commit();
    } finally {
      this.#ingest = undefined;
      await ingest.release();
    }
  }

  get #isMetadata(): boolean {
    return this.#blob.descriptor.size <= SMALL_BLOB_BYTES && !this.#context.oneClass;
  }

  /** What an earlier run has left of it, if that takes long enough for others to use the connection. */
  get #isToVerify(): boolean {
    const isLeft = this.#blob.partialBytes > SMALL_BLOB_BYTES && this.#ingest === undefined;
    return isLeft && !this.#context.oneClass;
  }

  #acquire(): Promise<Slot> {
    const { lanes, byImage, drain } = this.#context;
    const begun = this.#ingest !== undefined || this.#trouble !== NO_TROUBLE;
    return lanes.acquire(this.registry, {
      kind: this.#isMetadata ? 'metadata' : 'body',
      // What is small goes first, also where it takes the place of a body. What is begun goes before
      // the rest: its space on disk is taken and its image waits.
      priority: this.#isMetadata ? 2 : Number(begun),
      turn: byImage ? turnOf(this.#blob) : 0,
      // Largest first, of all or of an image: the limiter hands permits out in this order.
      bytes: remainingBytes(this.#blob),
      signal: drain,
      label: this.#blob.label,
    });
  }

  /** A permit is for moving bytes, or for verifying them: it is given back while another process moves them. */
  async #openIngest(permit: Permit, activity: BlobActivity): Promise<Ingest | undefined> {
    const { store, emit, now } = this.#context;
    const signal = this.#isToVerify ? this.#context.drain : this.#context.signal;
    const { descriptor } = this.#blob;
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
    this.#inPieces = (ingest?.resumedBytes ?? 0) > 0;
    return ingest;
  }

  async #runFlow(work: FlowWork): Promise<void> {
    const { flows, now } = this.#context;
    const { range, slot } = work;
    const flow = new Flow(flows.nextId(), { blob: this.#blob.key, range, slot }, now());
    const request = slot.lane.request(slot);
    this.#flows.add(flow);
    flows.add(flow, this);
    let ended: ReturnType<typeof endedHow> = 'well';
    try {
      const stream = await this.#open(flow, work.ingest);
      request.accepted();
      flows.accepted(slot.lane);
      await readBody(flow, stream, this.#target(flow, work.ingest));
      if (flow.offset === range.start) throw noProgress(this.#source());
    } catch (error) {
      if (flow.steppedAside) slot.permit.release();
      if (error === ENOUGH || flow.restarted) return;
      if (isThrottled(error)) {
        const isTrial = request.refused(retryAfterMs(error));
        flows.refused();
        if (isTrial) return await this.#giveBack(slot);
      } else ended = endedHow(error);
      const met = metInError(error);
      if (met !== undefined) slot.lane.meet(met);
      throw error;
    } finally {
      request.ended(ended);
      flows.delete(flow);
      this.#flows.delete(flow);
    }
  }

  /** Once the controller has heard of the refusal: or the next one would go out at the same width. */
  async #giveBack({ permit }: Slot): Promise<void> {
    await Promise.resolve();
    permit.release();
  }

  async #open(flow: Flow, ingest: Ingest): Promise<BlobStream> {
    const { registry, emit, now, signal, flows, lanes } = this.#context;
    const { descriptor } = this.#blob;
    const { digest, size } = descriptor;
    const source = this.#source();
    const ranged = this.#trouble.whole === 'no' && flows.mayRange(source.registry);
    const probing = size >= DIVISIBLE_BYTES && flows.maySplit(source.registry);
    const stream = await registry.openBlob(source, descriptor, {
      ...(ranged && (flow.offset > 0 || probing) ? { start: flow.offset } : {}),
      ...(ranged && flow.end < size ? { end: flow.end } : {}),
      retry: false,
      // Who has sent other bytes than it promised is not asked for them again.
      mirrors: this.#trouble.corruptions === 0,
      signal: AbortSignal.any([signal, ingest.signal, flow.signal]),
    });
    lanes.learn(source.registry, stream.origin);
    flow.opened(stream, now());
    this.#helpPauseMs = FIRST_HELP_PAUSE_MS;
    this.#inPieces ||= stream.ranged;
    if (ranged && flow.offset > 0 && !stream.ranged) flows.rangesRefused(source.registry);
    if (ranged && (flow.offset > 0 || probing) && !stream.ranged) flow.lane.meet('rangesIgnored');
    const { origin, start: offset } = stream;
    emit({ type: 'blob.started', at: now(), digest, size, offset, origin });
    return stream;
  }

  #target(flow: Flow, ingest: Ingest): BodyTarget {
    const { now, onBytesInVain } = this.#context;
    return {
      size: this.#blob.descriptor.size,
      write: (at, bytes) => this.#take(flow, ingest, at, bytes),
      passOver: (bytes) => {
        flow.passed(bytes, now());
        return onBytesInVain(bytes);
      },
      gapFrom: (offset) => this.#gaps(ingest).find(({ start }) => start >= offset),
    };
  }

  #take(flow: Flow, ingest: Ingest, at: number, bytes: Uint8Array): Wait {
    const { byteLength } = bytes;
    this.#fetchedBytes += byteLength;
    const writing = ingest.write(at, bytes);
    flow.moved(byteLength, this.#context.now());
    this.#activity?.moved(byteLength);
    const pause = this.#context.onBytes(byteLength);
    return both(writing, pause);
  }

  #source(): RepositoryAddress {
    const { sources } = this.#blob;
    const source = sources[this.#trouble.source] ?? sources[0];
    if (source === undefined) throw new TypeError('A planned blob has no source');
    return source;
  }

  async #recover(error: unknown): Promise<void> {
    const { emit, now, random, signal, drain } = this.#context;
    const activity = this.#activity;
    if (activity === undefined) throw error;
    if (this.#ingest === undefined) activity.doneBytes = 0;
    const next = afterFailure(error, this.#trouble, {
      heldBytes: activity.doneBytes,
      sources: this.#blob.sources.length,
      random: random(),
      inPieces: this.#inPieces,
    });
    if (next.action === 'fail') throw error;
    if (isRangeTrouble(error)) this.#context.flows.rangesRefused(this.registry);
    this.#trouble = next.trouble;
    activity.state = 'retrying';
    emit({
      type: 'blob.retry',
      at: now(),
      digest: this.#blob.descriptor.digest,
      attempt: next.trouble.attempts,
      delayMs: next.delayMs,
      offset: activity.doneBytes,
      error: summariseError(error),
    });
    if (next.delayMs > 0) {
      const pause = new AbortController();
      this.#pause = pause;
      const stops = AbortSignal.any([signal, drain, pause.signal]);
      await sleep(next.delayMs, undefined, { signal: stops });
    }
  }
}

function unneeded(): LongshoreError {
  return new LongshoreError('Nobody needs this blob any more', { code: 'ERR_UNNEEDED' });
}

function noProgress({ registry }: RepositoryAddress): LongshoreError {
  return new LongshoreError(`${registry} answered without sending any of the bytes asked for`, {
    code: 'ERR_BODY_TRUNCATED',
    origin: 'registry',
    retryable: true,
  });
}
