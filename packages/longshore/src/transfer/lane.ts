import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AcquireOptions,
  type Admission,
  type ElasticController,
  type ElasticSample,
  type Limiter,
  type Permit,
  Turnstile,
  wasTrial,
} from '../concurrency/index.ts';
import type { Met } from './met.ts';
import { LONGEST_ASKED_MS } from './retry.ts';

/** What a request goes out for. */
export interface RequestKind {
  /** It holds a body permit; a blob so small that it goes as metadata does not. */
  readonly isBody: boolean;
}

/** A permit of a lane, and what it allows. */
export interface Slot extends RequestKind {
  readonly lane: Lane;
  readonly permit: Permit;
}

const BODY: RequestKind = { isBody: true };

/** What a lane has seen since it was last asked. */
type Seen = Pick<
  ElasticSample,
  | 'bytes'
  | 'besideBytes'
  | 'requests'
  | 'inFlight'
  | 'acceptedAt'
  | 'refusals'
  | 'breaks'
  | 'turnedAway'
>;

/** What a lane asks of a controller. */
interface Decider {
  readonly admission: Admission;
  /** {@link ElasticController.trial} */
  readonly trial?: number;
}

/** How long a server that refuses is left in peace where no controller decides. */
const REFUSED_MS = 1000;
/** The first pause after a request that failed before its answer; it doubles with each further one. */
const FAILED_MS = 100;
const LONGEST_FAILED_MS = 5000;
/** Who waits for an answer to another request looks again after so long. */
const LOOK_MS = 10;
/** In a rest the width may shrink, and what is too many is of use to other servers. */
const REST_LOOK_MS = 100;

/**
 * Everything that goes to or comes from one server of bytes: how many at once, when a request may
 * start, and what the controller of the width has to know.
 */
export class Lane<C extends Decider = ElasticController> {
  readonly limiter: Limiter;
  /** `undefined` where the user has fixed the width. */
  readonly controller: C | undefined;
  readonly #now: () => number;
  #flows = 0;
  /** Those of them that hold a body permit: the width counts no others. */
  #bodies = 0;
  #open = 0;
  #bytes = 0;
  #besideBytes = 0;
  #servedBytes = 0;
  #requests = 0;
  #acceptedAt = 0;
  #refusals: { count: number; inFlight: number; retryAfterMs: number | undefined } | undefined;
  #breaks = 0;
  #turnedAway: { count: number; inFlight: number } | undefined;
  #failuresInARow = 0;
  #nextAt = 0;
  #fastestAnswerMs: number | undefined;
  readonly #turnstile = new Turnstile();
  readonly #met = new Map<keyof Met, number>();

  constructor(limiter: Limiter, controller: C | undefined, now: () => number) {
    this.limiter = limiter;
    this.controller = controller;
    this.#now = now;
  }

  /** Flows in flight under a body permit, whether answered or not. */
  get bodies(): number {
    return this.#bodies;
  }

  /** Its server has refused a request: it counts the small ones as well, and so does the width from then on. */
  get countsAll(): boolean {
    return this.#met.has('refusals');
  }

  /** Flows whose response head has come. */
  get open(): number {
    return this.#open;
  }

  /** All body bytes that went through it. */
  get servedBytes(): number {
    return this.#servedBytes;
  }

  /** What its server did wrong, over the whole run. */
  get met(): Met {
    return Object.fromEntries(this.#met);
  }

  /** Books something that the server did wrong. */
  meet(what: keyof Met): void {
    this.#met.set(what, (this.#met.get(what) ?? 0) + 1);
  }

  /** Best time from a request to its response head: the round trip, and the least the server needs. */
  get fastestAnswerMs(): number | undefined {
    return this.#fastestAnswerMs;
  }

  async acquire(options: AcquireOptions): Promise<Permit> {
    const permit = await this.limiter.acquire(options);
    try {
      if (options.kind !== 'metadata') await this.#untilRested(options.signal);
      return permit;
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  /** A permit that is free now, for a request that may start now. */
  tryAcquire(): Permit | undefined {
    return this.mayRequest ? this.limiter.tryAcquire() : undefined;
  }

  /** Whether a request may go out now. A server that has refused some sees them one by one at first. */
  get mayRequest(): boolean {
    const flows = this.#flows;
    return this.#waitMs() <= 0 && this.#turnstile.lets(flows, flows - this.#open);
  }

  /**
   * Whether who holds a permit without a flow is to give it back: more are held than may be, since the
   * width has shrunk; or it is one beside the width, which counts all by now.
   */
  isSurplus({ isBody }: RequestKind): boolean {
    return isBody ? this.limiter.active > this.limiter.width : this.countsAll;
  }

  /** Waits until a request may go out, where somebody else may be first then, or its permit is to be given back. */
  async untilMayRequest(signal: AbortSignal, kind: RequestKind = BODY): Promise<void> {
    while (!this.mayRequest && !this.isSurplus(kind)) {
      const pauseMs = Math.min(REST_LOOK_MS, Math.max(LOOK_MS, this.#waitMs()));
      await sleep(pauseMs, undefined, { signal });
    }
  }

  /** A request goes out; tell its fate by the functions returned. */
  request({ isBody }: RequestKind = BODY): {
    accepted: () => void;
    /** Returns whether it was a trial: then the others go on, and so may this one in its turn. */
    refused: (retryAfterMs: number | undefined) => boolean;
    ended: (how: 'well' | 'broken' | 'failed') => void;
  } {
    this.#flows += 1;
    this.#requests += 1;
    if (isBody) this.#bodies += 1;
    const inFlight = this.#flows;
    const sentAt = this.#now();
    const { turn } = this.#turnstile;
    this.#rest(this.controller?.admission.minIntervalMs ?? 0);
    let open = false;
    return {
      accepted: () => {
        open = true;
        this.#open += 1;
        this.#failuresInARow = 0;
        this.#acceptedAt = Math.max(this.#acceptedAt, inFlight);
        this.#turnstile.accepted(turn, inFlight);
        const answerMs = this.#now() - sentAt;
        this.#fastestAnswerMs = Math.min(this.#fastestAnswerMs ?? answerMs, answerMs);
      },
      refused: (retryAfterMs) => {
        this.meet('refusals');
        // What the server had to weigh it against: those sent before it. Small blobs that were taken
        // then may have ended by now. An upload may be refused after its body was begun.
        const others = open ? this.#open - 1 : inFlight - 1;
        const isTrial = wasTrial(this.controller?.trial ?? 0, others);
        if (!isTrial) this.#turnstile.refused(turn, others);
        if ((retryAfterMs ?? 0) > LONGEST_ASKED_MS) this.meet('longWaits');
        const { count = 0, inFlight: before = Number.POSITIVE_INFINITY } = this.#refusals ?? {};
        this.#refusals = {
          count: count + 1,
          inFlight: Math.min(before, others),
          retryAfterMs,
        };
        // Where a controller decides, it says by its admission when to ask again.
        if (this.controller === undefined) {
          const asked = retryAfterMs !== undefined && retryAfterMs > 0 ? retryAfterMs : REFUSED_MS;
          this.#rest(Math.min(LONGEST_ASKED_MS, asked));
        }
        return isTrial;
      },
      ended: (how) => {
        this.#flows -= 1;
        if (isBody) this.#bodies -= 1;
        if (open) this.#open -= 1;
        else if (how !== 'well') this.#failed(how);
        if (how !== 'broken') return;
        this.#breaks += 1;
        this.meet(open ? 'broken' : 'turnedAway');
      },
    };
  }

  /** What came beside the width, in a burst of small blobs, says nothing about it. */
  moved(bytes: number, { isBody }: RequestKind = BODY): void {
    if (isBody) this.#bytes += bytes;
    else this.#besideBytes += bytes;
    this.#servedBytes += bytes;
  }

  /** Takes what was seen, and begins anew. */
  take(): Seen {
    // As many bodies: of what was taken, the metadata that is in flight now is not a body, nor becomes one.
    const acceptedAt = Math.max(0, this.#acceptedAt - (this.#flows - this.#bodies));
    const seen: Seen = {
      bytes: this.#bytes,
      besideBytes: this.#besideBytes,
      requests: this.#requests,
      inFlight: this.#flows,
      breaks: this.#breaks,
      ...(acceptedAt === 0 ? {} : { acceptedAt }),
      ...(this.#refusals === undefined ? {} : { refusals: this.#refusals }),
      ...(this.#turnedAway === undefined ? {} : { turnedAway: this.#turnedAway }),
    };
    this.#bytes = 0;
    this.#besideBytes = 0;
    this.#requests = 0;
    this.#acceptedAt = 0;
    this.#refusals = undefined;
    this.#turnedAway = undefined;
    this.#breaks = 0;
    return seen;
  }

  /** Idle permits look for work many times a second: without a pause each look would be a request. */
  #failed(how: 'broken' | 'failed'): void {
    if (how === 'broken') {
      const { count = 0, inFlight = Number.POSITIVE_INFINITY } = this.#turnedAway ?? {};
      this.#turnedAway = { count: count + 1, inFlight: Math.min(inFlight, this.#open) };
    }
    this.#rest(Math.min(LONGEST_FAILED_MS, FAILED_MS * 2 ** this.#failuresInARow));
    this.#failuresInARow += 1;
  }

  #rest(forMs: number): void {
    this.#nextAt = Math.max(this.#nextAt, this.#now() + forMs);
  }

  async #untilRested(signal: AbortSignal | undefined): Promise<void> {
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs()) {
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  #waitMs(): number {
    const notBeforeMs = this.controller?.admission.notBeforeMs ?? 0;
    return Math.max(notBeforeMs, this.#nextAt) - this.#now();
  }
}
