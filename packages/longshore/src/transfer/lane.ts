import { setTimeout as sleep } from 'node:timers/promises';
import type {
  AcquireOptions,
  Admission,
  ElasticController,
  ElasticSample,
  Limiter,
  Permit,
} from '../concurrency/index.ts';

/** A permit of a lane. */
export interface Slot {
  readonly lane: Lane;
  readonly permit: Permit;
}

/** What a lane has seen since it was last asked. */
type Seen = Pick<ElasticSample, 'bytes' | 'requests' | 'acceptedAt' | 'refusals' | 'breaks'>;

/**
 * Everything that goes to or comes from one server of bytes: how many at once, when a request may
 * start, and what the controller of the width has to know.
 */
export class Lane<C extends { readonly admission: Admission } = ElasticController> {
  readonly limiter: Limiter;
  /** `undefined` where the user has fixed the width. */
  readonly controller: C | undefined;
  readonly #now: () => number;
  #flows = 0;
  #open = 0;
  #bytes = 0;
  #servedBytes = 0;
  #requests = 0;
  #acceptedAt = 0;
  #refusals: { count: number; inFlight: number; retryAfterMs: number | undefined } | undefined;
  #breaks = 0;
  #nextAt = 0;
  #fastestSetupMs: number | undefined;

  constructor(limiter: Limiter, controller: C | undefined, now: () => number) {
    this.limiter = limiter;
    this.controller = controller;
    this.#now = now;
  }

  /** Flows whose response head has come. */
  get open(): number {
    return this.#open;
  }

  /** All body bytes that went through it. */
  get servedBytes(): number {
    return this.#servedBytes;
  }

  /** Best time from a request to its response head: the round trip, and the least the server needs. */
  get fastestSetupMs(): number | undefined {
    return this.#fastestSetupMs;
  }

  async acquire(options: AcquireOptions): Promise<Permit> {
    const permit = await this.limiter.acquire(options);
    try {
      if (options.kind !== 'metadata') await this.#admission(options.signal);
      return permit;
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  /** A permit that is free now, for a request that may start now. */
  tryAcquire(): Permit | undefined {
    if (this.#waitMs() > 0) return undefined;
    const permit = this.limiter.tryAcquire();
    if (permit !== undefined) this.#started();
    return permit;
  }

  /** A request goes out; tell its fate by the functions returned. */
  request(): {
    accepted: () => void;
    refused: (retryAfterMs: number | undefined) => void;
    ended: (broken: boolean) => void;
  } {
    this.#flows += 1;
    this.#requests += 1;
    const inFlight = this.#flows;
    const sentAt = this.#now();
    let open = false;
    return {
      accepted: () => {
        open = true;
        this.#open += 1;
        this.#acceptedAt = Math.max(this.#acceptedAt, inFlight);
        const setupMs = this.#now() - sentAt;
        this.#fastestSetupMs = Math.min(this.#fastestSetupMs ?? setupMs, setupMs);
      },
      refused: (retryAfterMs) => {
        const { count = 0, inFlight: before = Number.POSITIVE_INFINITY } = this.#refusals ?? {};
        this.#refusals = {
          count: count + 1,
          // An upload may be refused after its body was begun; it is not among those in flight.
          inFlight: Math.min(before, this.#open - (open ? 1 : 0)),
          retryAfterMs,
        };
      },
      ended: (broken) => {
        this.#flows -= 1;
        if (open) this.#open -= 1;
        if (broken) this.#breaks += 1;
      },
    };
  }

  moved(bytes: number): void {
    this.#bytes += bytes;
    this.#servedBytes += bytes;
  }

  /** Takes what was seen, and begins anew. */
  take(): Seen {
    const seen: Seen = {
      bytes: this.#bytes,
      requests: this.#requests,
      breaks: this.#breaks,
      ...(this.#acceptedAt === 0 ? {} : { acceptedAt: this.#acceptedAt }),
      ...(this.#refusals === undefined ? {} : { refusals: this.#refusals }),
    };
    this.#bytes = 0;
    this.#requests = 0;
    this.#acceptedAt = 0;
    this.#refusals = undefined;
    this.#breaks = 0;
    return seen;
  }

  async #admission(signal: AbortSignal | undefined): Promise<void> {
    for (let waitMs = this.#waitMs(); waitMs > 0; waitMs = this.#waitMs()) {
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
    }
    this.#started();
  }

  #waitMs(): number {
    const notBeforeMs = this.controller?.admission.notBeforeMs ?? 0;
    return Math.max(notBeforeMs, this.#nextAt) - this.#now();
  }

  #started(): void {
    this.#nextAt = this.#now() + (this.controller?.admission.minIntervalMs ?? 0);
  }
}
