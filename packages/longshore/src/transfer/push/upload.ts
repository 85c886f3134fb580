import type { Permit, UploadState } from '../../concurrency/index.ts';
import { LongshoreError } from '../../errors.ts';
import type { UploadLane } from './uploadLane.ts';
import type { UploadNorm } from './uploadNorm.ts';

/**
 * So much may lie in the kernels of both sides when the last byte has been handed over: a smaller
 * upload may not have begun to arrive then. Linux: `tcp_wmem` and `tcp_rmem`, 4 and 6 MiB at most.
 */
const BUFFERED_BYTES = 8 * 1024 * 1024;
/** Longest time that an upload keeps its slot for what may still be on the way. */
const LONGEST_HOLD_MS = 10_000;

/** A registry that took so long once may take so many times that the next time. */
const USUAL_FACTOR = 2;
/** What whole uploads may take beyond the slowest of late: silence stays below 15 s in all. */
const LONGEST_SLACK_MS = 2_000;

/** What earlier uploads to a registry tell about the next. */
export interface UsualTimes {
  /** The longest that it took to answer once everything was handed over. */
  readonly answerMs: number;
  readonly norm: UploadNorm;
}

export type UploadEnd = 'finished' | 'refused' | 'broken' | 'failed';

/** One upload under way, as the watch over its registry sees it. */
export class Upload implements Disposable {
  readonly id: number;
  readonly #lane: UploadLane;
  readonly #permit: Permit;
  readonly #size: number;
  readonly #patienceMs: number;
  readonly #startedAt: number;
  readonly #abort = new AbortController();
  readonly #request: ReturnType<UploadLane['lane']['request']>;
  #sentBytes = 0;
  #movedAt: number;
  #openedAt: number | undefined;
  #handedOverAt: number | undefined;
  #cut = false;
  #ended = false;

  constructor(
    lane: UploadLane,
    parts: {
      readonly id: number;
      readonly permit: Permit;
      readonly size: number;
      /** Further silence that it may have once everything is handed over. */
      readonly patienceMs: number;
    },
    now: number,
  ) {
    this.#lane = lane;
    this.id = parts.id;
    this.#permit = parts.permit;
    this.#size = parts.size;
    this.#patienceMs = parts.patienceMs;
    this.#startedAt = now;
    this.#movedAt = now;
    this.#request = lane.lane.request();
  }

  /** Aborted to cut it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get wasCut(): boolean {
    return this.#cut;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Everything was given to the kernel; what the registry has of it is not known. */
  get isHandedOver(): boolean {
    return this.#handedOverAt !== undefined;
  }

  /** It does not count as a body any more. */
  get hasLeftSlot(): boolean {
    return this.#permit.released;
  }

  silentMs(now: number): number {
    return now - this.#movedAt;
  }

  moved(bytes: number, offset: number): void {
    const now = this.#lane.now();
    if (this.#openedAt === undefined) this.#request.accepted();
    this.#openedAt ??= now;
    this.#sentBytes += bytes;
    this.#movedAt = now;
    this.#lane.lane.moved(bytes);
    if (offset >= this.#size) this.#handedOverAt = now;
  }

  /** The registry has answered for what it got. */
  acknowledged(): void {
    this.#movedAt = this.#lane.now();
  }

  /** Lets its slot go once all of it must have reached the registry, which then commits it. */
  leaveSlotWhenSent(now: number): void {
    if (this.#handedOverAt === undefined || this.#size <= BUFFERED_BYTES) return;
    const sendingMs = Math.max(1, this.#handedOverAt - this.#startedAt);
    const holdMs = Math.min(LONGEST_HOLD_MS, (BUFFERED_BYTES * sendingMs) / this.#size);
    if (now - this.#handedOverAt >= holdMs) this.#permit.release();
  }

  /** @param usual of this registry */
  state(now: number, usual: UsualTimes): UploadState {
    return {
      id: this.id,
      step: this.hasLeftSlot ? 'commit' : 'body',
      quietMs: Math.max(0, this.silentMs(now) - this.#excusedMs(usual)),
      sentBytes: this.#sentBytes,
    };
  }

  /** Silence by right, once everything is handed over. */
  #excusedMs({ answerMs, norm }: UsualTimes): number {
    if (this.#handedOverAt === undefined) return 0;
    const expectedMs = this.#size > BUFFERED_BYTES ? undefined : norm.expectedMs(this.#size);
    if (expectedMs === undefined) return USUAL_FACTOR * answerMs + this.#patienceMs;
    const sentMs = this.#handedOverAt - (this.#openedAt ?? this.#startedAt);
    const slackMs = Math.min(expectedMs, LONGEST_SLACK_MS);
    return Math.max(0, expectedMs + slackMs - sentMs) + this.#patienceMs;
  }

  cut(reason: string): void {
    this.#cut = true;
    this.#abort.abort(
      new LongshoreError(`The upload stood still: ${reason}`, {
        code: 'ERR_STALLED',
        origin: 'network',
        retryable: true,
      }),
    );
  }

  /** How long it took the registry to answer, and how long it took in all, from the first byte on. */
  times(now: number): {
    readonly size: number;
    readonly answerMs: number;
    readonly tookMs: number;
  } {
    const answerMs = this.#handedOverAt === undefined ? 0 : now - this.#handedOverAt;
    return { size: this.#size, answerMs, tookMs: now - (this.#openedAt ?? this.#startedAt) };
  }

  end(how: UploadEnd, retryAfterMs?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (how === 'refused') this.#request.refused(retryAfterMs);
    this.#request.ended(how === 'broken' ? 'broken' : 'well');
    this.#permit.release();
    this.#lane.left(this, how);
  }

  [Symbol.dispose](): void {
    this.end('failed');
  }
}
