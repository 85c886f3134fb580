import type { Controller, TimedSample } from './controller.ts';
import type { ElasticCoordinator } from './elasticCoordinator.ts';
import type { Verdict } from './elasticVerdict.ts';

/** Requests that the server refused for lack of room (429, 503) since the last sample. */
export interface Refusals {
  readonly count: number;
  /** Flows in flight that the server had accepted when it refused; the refused are not among them. */
  readonly inFlight: number;
  /** What `Retry-After` asked for; it is bounded before it is believed. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * What one origin did since the last sample. Everything that has not been measured may be left out:
 * the controller then decides without it.
 */
export interface ElasticSample extends TimedSample {
  /** Bytes of bodies written to the sink; those of small blobs that go beside the width are left out. */
  readonly bytes: number;
  /** Bytes of those: they count for what was reached, and not for what a width is good for. @defaultValue 0 */
  readonly besideBytes?: number;
  /** Flows that may run now: permits in use, paused ones left out. */
  readonly active: number;
  /** Work that could start at once: queued blobs and ranges worth splitting off. */
  readonly waiting?: number;
  /** Over all origins. @defaultValue `bytes` */
  readonly totalBytes?: number;
  /** Over all origins. @defaultValue `active` */
  readonly totalActive?: number;
  /**
   * The largest number of flows in flight (itself included) at the moment a request was sent that
   * has been answered well since the last sample, less the metadata that is in flight now.
   * @defaultValue 0 when `requests` is given, or else `active`
   */
  readonly acceptedAt?: number;
  /** Requests sent since the last sample. */
  readonly requests?: number;
  readonly refusals?: Refusals | undefined;
  /** Connections reset or timed out since the last sample. */
  readonly breaks?: number;
  /** Those of `breaks` that broke before any answer, and the fewest flows open at such a moment. */
  readonly turnedAway?: { readonly count: number; readonly inFlight: number } | undefined;
  /** Open flows without a byte for a second or more while others move. */
  readonly silent?: number;
  /** Round trip to this origin, without the time that the server takes. @defaultValue 50 ms */
  readonly rttMs?: number | undefined;
  /** The least time from a request on a new connection to its answer. @defaultValue `rttMs` */
  readonly setupMs?: number | undefined;
  /** Flows in flight, those of small blobs too. @defaultValue `active` */
  readonly inFlight?: number | undefined;
  /** The least time from a request on a kept connection to its answer. @defaultValue `rttMs` */
  readonly answerMs?: number | undefined;
  /** Processor time of this process over that of all cores, 0 to 1. */
  readonly cpuBusy?: number;
  /** `performance.eventLoopUtilization().utilization`, 0 to 1. */
  readonly loopBusy?: number;
  /** Part of the time that hashing kept its thread busy, 0 to 1. */
  readonly hashBusy?: number;
  /** Part of the time that some write to the sink was waited for, 0 to 1. */
  readonly sinkBusy?: number;
  /** Part of the time that the user's limit on bytes per second held bytes back, 0 to 1. */
  readonly limitBusy?: number;
}

/** When a new request may start; the limiter holds to it besides the width. */
export interface Admission {
  /** No request before this time of the samples' clock; 0 when nothing forbids it. */
  readonly notBeforeMs: number;
  /** Least time between two requests; 0 when there is no such limit. */
  readonly minIntervalMs: number;
}

/** What is worth remembering about a host. It warm-starts the next run, and no more than that. */
export interface Knee {
  readonly width: number;
  readonly bytesPerSecond: number;
}

export interface ElasticOptions {
  /** Numbers in [0, 1), seeded: the order of probes and the jitter of waits. */
  readonly random: () => number;
  /**
   * Width before anything is known.
   * @defaultValue 4
   */
  readonly start?: number;
  /** Never wider than this (`--max-connections`). @defaultValue 64 */
  readonly max?: number;
  /** The knee of an earlier run, while it is fresh; starts at three quarters of its width. */
  readonly remembered?: Knee | undefined;
  /** Shared by the controllers of all origins of one run. @defaultValue one of its own */
  readonly coordinator?: ElasticCoordinator;
  /** Name of the origin for the coordinator. @defaultValue 'origin' */
  readonly origin?: string;
}

export type ElasticPhase = 'starting' | 'probing' | 'holding';

/** Finds and holds the width of pulls from one origin. Made by `elastic()`. */
export interface ElasticController extends Controller<ElasticSample> {
  readonly phase: ElasticPhase;
  readonly admission: Admission;
  /** Its next width is reached step by step, as fast as the server proves to take each. */
  readonly isClimbing: boolean;
  /** It holds its width because the processor is full: to be shown fewer samples is a relief. */
  readonly isResting: boolean;
  /**
   * Before anything moves, where a round trip to the server takes next to no time: one flow goes
   * first, and the others of the first width follow if that one leaves the processor anything to do.
   * Changes nothing where a knee is remembered.
   */
  oneFirst(): void;
  /**
   * How many flows are to be open while one more than a refusal has left is tried; 0 while none is.
   * A refusal of that one is expected: no other request waits for it.
   */
  readonly trial: number;
  /**
   * Bytes per second that more flows cannot raise, for the choice of what to split; `undefined`
   * until probing has shown it.
   */
  readonly capacityBytesPerSecond: number | undefined;
  /** What bounded the run so far, with the numbers it rests on. */
  verdict(): Verdict;
  /** `undefined` while nothing has been found. */
  knee(): Knee | undefined;
  /** Gives up the probe lock; call it when the origin has no more work. */
  close(): void;
}
