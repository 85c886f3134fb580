import type { BlobStream } from '../registry/index.ts';
import type { ByteRange } from '../store/index.ts';
import type { Lane, Slot } from './lane.ts';
import { Meter } from './meter.ts';
import type { OpenRange } from './steal.ts';

/** A rate is worth trusting once a flow has moved for this long. */
const RATED_AFTER_MS = 150;

/** The rate of a whole flow is worth trusting from this size on. */
const TELLING_BYTES = 64 * 1024;

/** Thrown inside a body's consumer to leave it: the rest belongs to another flow. */
export const ENOUGH: unique symbol = Symbol('enough');

/** One connection that fetches one stretch of one blob. Its end may be cut while it runs. */
export class Flow {
  readonly id: number;
  /** Key of the blob in the plan. */
  readonly blob: string;
  /** Aborted to give the connection up and ask anew; see {@link Flow.restart}. */
  readonly signal: AbortSignal;
  /** Scheme, host and port that serve it; known once the response head is there. */
  origin: string | undefined;
  /** The server has answered 206 to this flow: its tail may be given to another. */
  divisible = false;
  /** From the request to the response head. */
  setupMs: number | undefined;
  lastByteAt: number;
  readonly #slot: Slot;
  readonly #abort = new AbortController();
  readonly #meter: Meter;
  readonly #startedAt: number;
  #offset: number;
  #end: number;
  #restarted = false;
  #steppedAside = false;

  constructor(
    id: number,
    {
      blob,
      range,
      slot,
    }: { readonly blob: string; readonly range: ByteRange; readonly slot: Slot },
    now: number,
  ) {
    this.id = id;
    this.blob = blob;
    this.#slot = slot;
    this.#offset = range.start;
    this.#end = range.end;
    this.#startedAt = now;
    this.lastByteAt = now;
    this.#meter = new Meter(now);
    this.signal = this.#abort.signal;
  }

  get lane(): Lane {
    return this.#slot.lane;
  }

  /** Next byte to write. */
  get offset(): number {
    return this.#offset;
  }

  /** Where it stops, not included. */
  get end(): number {
    return this.#end;
  }

  get restarted(): boolean {
    return this.#restarted;
  }

  opened(stream: BlobStream, now: number): void {
    this.origin = stream.origin;
    this.divisible = stream.ranged;
    this.setupMs = now - this.#startedAt;
    this.lastByteAt = now;
  }

  moved(bytes: number, now: number): void {
    this.#offset += bytes;
    this.lane.moved(bytes, this.#slot);
    this.passed(bytes, now);
  }

  /** Bytes have come, of which nothing is new. */
  passed(bytes: number, now: number): void {
    this.#meter.add(bytes);
    this.lastByteAt = now;
  }

  /** Keeps the next `keptBytes` and gives the rest away; returns what is given. */
  cut(keptBytes: number): ByteRange {
    const given = { start: this.#offset + keptBytes, end: this.#end };
    this.#end = given.start;
    return given;
  }

  /** Its body has a stretch further on, too. */
  goOn({ start, end }: ByteRange): void {
    this.#offset = start;
    this.#end = end;
  }

  /** Gives up a connection that went silent or crawls. What it has written stays. */
  restart(reason: Error): void {
    this.#restarted = true;
    this.#abort.abort(reason);
  }

  /** Ends it for good. */
  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Makes room because the lane has become narrower: what is left is fetched later, by others. */
  stepAside(reason: Error): void {
    this.#steppedAside = true;
    this.restart(reason);
  }

  get steppedAside(): boolean {
    return this.#steppedAside;
  }

  /** Since its request; `undefined` once that is answered. Milliseconds. */
  unansweredFor(now: number): number | undefined {
    return this.setupMs === undefined ? now - this.#startedAt : undefined;
  }

  /** Bytes a second from its request on; `undefined` for a body too small to tell. */
  averageRate(now: number): number | undefined {
    const { bytes } = this.#meter;
    return bytes < TELLING_BYTES ? undefined : (bytes * 1000) / Math.max(1, now - this.#startedAt);
  }

  /** As the decision functions see it. */
  openRange(now: number): OpenRange {
    const rate = this.#meter.sample(now);
    const { setupMs } = this;
    const rated = setupMs !== undefined && now - this.#startedAt - setupMs >= RATED_AFTER_MS;
    return {
      id: this.id,
      blob: this.blob,
      remainingBytes: this.#end - this.#offset,
      bytesPerSecond: rated ? rate : undefined,
      divisible: this.divisible,
    };
  }
}

/** The stretches of `missing` that no flow is working on, in order. Pure. */
export function uncovered(
  missing: readonly ByteRange[],
  flows: Iterable<Pick<Flow, 'offset' | 'end'>>,
): ByteRange[] {
  let left: ByteRange[] = [...missing];
  for (const { offset, end } of flows) {
    left = left.flatMap((gap) => {
      if (end <= gap.start || offset >= gap.end) return [gap];
      return [
        { start: gap.start, end: Math.max(gap.start, offset) },
        { start: Math.min(gap.end, end), end: gap.end },
      ].filter((part) => part.end > part.start);
    });
  }
  return left;
}
