import { CeilingTrial, wasTrial } from './ceilingTrial.ts';
import { RequestPace } from './elasticRequestPace.ts';
import type { Admission, ElasticSample } from './elasticTypes.ts';
import { RefusalRest } from './refusalRest.ts';
import { RefusalSpacing } from './refusalSpacing.ts';

const AGAIN_WITHIN_MS = 8_000;
/** Registries that count flows count to fewer than this; from here on the start may take larger steps. */
const MANY = 12;
/** What was taken for so long is not just being tried. */
const LONG_MS = 1_000;
/** Two requests at a time cost little while an answer takes less than this, */
const NEAR_MS = 150;
/** and while it takes longer than this they would take ten seconds. */
const FAR_MS = 340;
/** Where single requests are refused and no time is asked for, this part of the time since the last one is rested. */
const SHORT_REST = 0.1;

/** The width to go on with; or the start anew, where earlier refusals have narrowed it without reason. */
export type RefusalOutcome = number | 'start again';

/**
 * What the server has refused and what it has proved to take.
 *
 * Three reasons hide behind a 429. One is the number of flows: then those in flight before the refused
 * one are what it takes, and they become the ceiling. One is the number of requests per second: then
 * it refuses with far fewer in flight, and what helps is time between requests. One is that others
 * leave it no room: then neither helps, and it gets its rests; short ones, and no ceiling, where it
 * refuses but one request now and then.
 */
export class Refusals {
  readonly #max: number;
  readonly #rests: RefusalRest;
  readonly #pace = new RequestPace();
  readonly #spacing = new RefusalSpacing();
  #ceiling: number;
  readonly #trial = new CeilingTrial();
  #lastMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = 0;
  #proven: number;
  #provenAtMs = 0;
  /** It has refused fewer than it had taken for long. */
  #hasChanged = false;
  /** The most flows in flight that were taken since the last refusal. */
  #taken = 0;
  /** Flows in flight at the last refusal, where it had not taken more since the one before. */
  #edge: number | undefined;
  /**
   * It has refused beside flows after a rest, and taken nothing since the refusal before: one that counts
   * requests takes some after a rest. Not twice in a row, for it may count them over a long time.
   */
  #tookNone = false;
  #accepted = 0;
  #count = 0;
  /** Refusals of the last burst. */
  #burst = 0;
  #setupMs = 0;

  constructor(options: {
    readonly max: number;
    readonly start: number;
    readonly random: () => number;
  }) {
    this.#max = options.max;
    this.#rests = new RefusalRest(options.random);
    this.#ceiling = options.max;
    this.#proven = Math.max(1, options.start - 2);
  }

  /** One flow goes first: nothing more is taken for granted. */
  oneFirst(): void {
    this.#proven = 1;
  }

  get ceiling(): number {
    return Math.min(this.#max, this.#ceiling);
  }

  /** How many flows are to be open while one more than the ceiling is tried; 0 while none is. */
  get trial(): number {
    return this.#trial.isOn ? Math.min(this.#max, this.#ceiling + 1) : 0;
  }

  /** Many are taken already, and what lies beyond is reached by two at a time, which takes a while. */
  get isSlowToReach(): boolean {
    return this.#count === 0 && this.#setupMs < NEAR_MS && this.#proven >= MANY;
  }

  get count(): number {
    return this.#count;
  }

  /** The most flows in flight that were taken, by the last sample. */
  get accepted(): number {
    return this.#accepted;
  }

  get paced(): boolean {
    return this.#pace.intervalMs > 0;
  }

  get admission(): Admission {
    return { notBeforeMs: this.#notBeforeMs, minIntervalMs: this.#pace.intervalMs };
  }

  /**
   * How many flows may be open now. Beyond what the server has proved to take, only two requests are
   * out at a time, so a limit is met by two refusals and not by a burst of them. On a long line half as
   * many again as were taken may be once those are twelve, and on a very long one four before that.
   */
  get reach(): number {
    if (this.#count > 0) return this.#proven + 1;
    if (this.#setupMs < NEAR_MS) return this.#proven + 2;
    const few = this.#setupMs < FAR_MS ? 2 : 4;
    return this.#proven + (this.#proven < MANY ? few : this.#proven >> 1);
  }

  /**
   * Books a sample.
   * @param base - the width that is kept
   * @param wanted - the flows that it takes, which only a ceiling keeps from growing; 0 while
   *   something else is tried
   * @returns what follows for the width, where something does
   */
  take(sample: ElasticSample, base: number, wanted: number): RefusalOutcome | undefined {
    const { atMs, refusals } = sample;
    this.#setupMs = sample.setupMs ?? sample.rttMs ?? this.#setupMs;
    const accepted = sample.acceptedAt ?? (sample.requests === undefined ? sample.active : 0);
    this.#accepted = accepted;
    if (accepted > this.#proven) {
      this.#proven = Math.min(this.#max, accepted);
      this.#provenAtMs = atMs;
    }
    this.#noteTaken(atMs, accepted);
    this.#pace.book(atMs, sample.requests ?? 0);
    this.#spacing.accepted(Math.max(0, (sample.requests ?? 0) - (refusals?.count ?? 0)));
    if (refusals === undefined || refusals.count === 0) {
      // It sends, or has accepted a request after the rest.
      if (sample.bytes > 0 || (!this.#isResting(atMs) && accepted > 0)) this.#rests.served();
      return this.#try(sample, accepted, { base, wanted }) ? 'start again' : undefined;
    }
    this.#count += refusals.count;
    if (wasTrial(this.trial, refusals.inFlight)) {
      this.#proven = Math.min(this.#proven, this.#ceiling);
      const failure = { atMs, ceiling: this.#ceiling, askedMs: refusals.retryAfterMs };
      return this.#trial.fail(failure) ? 'start again' : undefined;
    }
    const isRare = this.#isRare(atMs, refusals);
    this.#burst = refusals.count + (this.#isResting(atMs) ? this.#burst : 0);
    this.#spacing.refused(refusals.count);
    if (isRare) return undefined;
    const isPassedOver = refusals.inFlight < this.#taken && this.#refusesNowAndThen;
    const outcome = isPassedOver ? this.#passOver() : this.#judge(atMs, refusals, base);
    this.#rest(atMs, refusals.retryAfterMs);
    return outcome;
  }

  /**
   * What was sent beside more flows than the server is believed to take, and was taken: it takes as
   * many. Of a burst, those that were refused do not count.
   */
  #noteTaken(atMs: number, flows: number): void {
    const isBurst = this.#isResting(atMs);
    if (!isBurst) this.#taken = Math.max(this.#taken, flows);
    const taken = flows - 1 - (isBurst ? this.#burst : 0);
    if (this.#ceiling < this.#max) this.#ceiling = Math.max(this.#ceiling, taken);
  }

  /**
   * The server has turned new connections away while it served that many. It is a ceiling like that
   * of a refusal; but it does not ask to wait, and no wait is needed.
   */
  turnAway(atMs: number, inFlight: number): number {
    return this.#lower(atMs, inFlight);
  }

  /**
   * One of many, beside no more flows than it has taken since the last one: like a refused trial it
   * costs nothing but itself. Not where the server asks to wait, nor while a pace keeps refusals rare.
   */
  #isRare(
    atMs: number,
    { count, inFlight, retryAfterMs = 0 }: NonNullable<ElasticSample['refusals']>,
  ): boolean {
    const isKnown = this.#ceiling < this.#max && !this.#isResting(atMs) && !(retryAfterMs > 0);
    return isKnown && !this.#pace.isFound && inFlight < this.#taken && this.#spacing.isRare(count);
  }

  /** Others leave it no room at times: it refuses single requests, and slower ones have not helped. */
  get #refusesNowAndThen(): boolean {
    return this.#spacing.isWide && this.#pace.futile;
  }

  /** Nothing follows for the width; and no ceiling holds that such refusals have set. */
  #passOver(): RefusalOutcome | undefined {
    if (this.#ceiling >= this.#max) return undefined;
    this.#ceiling = this.#max;
    this.#trial.end();
    return 'start again';
  }

  #judge(atMs: number, refusals: NonNullable<ElasticSample['refusals']>, base: number): number {
    const { count, inFlight, retryAfterMs } = refusals;
    const isFew = this.#isFew(inFlight);
    // Sent before the last refusal was known, answered after it: the same burst, not a second one.
    if (this.#isResting(atMs)) return isFew ? base : this.#lower(atMs, inFlight, retryAfterMs);
    this.#tookNone = !this.#tookNone && this.#taken === 0 && inFlight > 0 && !this.#pace.isFound;
    const isTooMany = !isFew || this.#tookNone || this.#isEdgeAgain(inFlight);
    if (this.#count === count) this.#pace.suspect(atMs, count, inFlight);
    this.#noteChange(atMs, inFlight);
    if (!isTooMany) {
      this.#pace.slowDown(atMs, count, this.#lastMs);
      return base;
    }
    const again = atMs - this.#lastMs < AGAIN_WITHIN_MS;
    const ceiling = this.#lower(atMs, inFlight, retryAfterMs);
    return again && base <= ceiling ? Math.max(1, Math.floor(0.75 * ceiling)) : ceiling;
  }

  /**
   * Well below a ceiling that an earlier refusal has set, the number of flows cannot be the reason. In
   * a server that has changed that ceiling says nothing, but what it has taken since does.
   */
  #isFew(inFlight: number): boolean {
    if (this.#ceiling >= this.#max) return false;
    return inFlight < (this.#hasChanged ? this.#taken : 0.5 * this.#ceiling);
  }

  /**
   * It takes as many as before the last refusal, refuses one more as it did then, and time between
   * requests has not helped: then it is their number after all, however many it took earlier.
   */
  #isEdgeAgain(inFlight: number): boolean {
    const isEdge = inFlight > 0 && inFlight >= this.#taken;
    return this.#pace.futile && isEdge && inFlight === this.#edge;
  }

  /** Until flows that it has taken since, and one more that it refuses, show how many it takes now. */
  #noteChange(atMs: number, inFlight: number): void {
    const isFirst = this.#ceiling >= this.#max;
    const wasLong = atMs - this.#provenAtMs > LONG_MS;
    if (isFirst) this.#hasChanged = inFlight < this.#proven && wasLong;
    else if (this.#tookNone) this.#hasChanged = true;
    else if (this.#taken > 0 && inFlight >= this.#taken) this.#hasChanged = false;
    this.#edge = inFlight >= this.#taken ? inFlight : undefined;
    this.#taken = 0;
  }

  /**
   * A server counts flows for a moment that have ended here, so this may be one or two too low. To
   * believe more than was in flight costs a second refusal, and all that is waited for it.
   */
  #lower(atMs: number, inFlight: number, askedMs?: number): number {
    const isBurst = this.#isResting(atMs);
    // In a burst, what a request was sent after may have been refused as well, and counts for nothing.
    const most = isBurst ? this.ceiling : this.#max;
    this.#ceiling = Math.max(1, Math.min(most, inFlight));
    this.#proven = Math.min(this.#proven, this.#ceiling);
    if (isBurst) this.#trial.end();
    else this.#trial.postpone(atMs, askedMs);
    return this.#ceiling;
  }

  /** Whether so many more flows are served now that it is time to see what they are good for. */
  #try(
    { atMs, requests = 0 }: ElasticSample,
    accepted: number,
    { base, wanted }: { readonly base: number; readonly wanted: number },
  ): boolean {
    if (this.#ceiling >= this.#max) return false;
    const looked = { atMs, requests, accepted, ceiling: this.#ceiling };
    if (!this.#trial.look({ ...looked, wanted: this.#pace.holds(atMs) ? 0 : wanted })) return false;
    this.#ceiling += 1;
    if (this.#ceiling < Math.min(this.#max, 2 * base)) return false;
    this.#trial.end();
    return true;
  }

  #isResting(atMs: number): boolean {
    return atMs < this.#notBeforeMs;
  }

  /** A long rest is no good while flows of ours are being served: they end in it, and nothing follows. */
  #rest(atMs: number, askedMs: number | undefined): void {
    const isBurst = this.#isResting(atMs);
    const isAsked = (askedMs ?? 0) > 0;
    const wholeMs = this.#rests.after(askedMs, isBurst);
    const isShort = this.#refusesNowAndThen && !isAsked;
    const restMs = isShort ? Math.min(wholeMs, SHORT_REST * (atMs - this.#lastMs)) : wholeMs;
    if (!isBurst) this.#lastMs = atMs;
    // What belongs to a burst lengthens the rest only where it is asked for.
    if (isBurst && !isAsked) return;
    this.#notBeforeMs = Math.max(this.#notBeforeMs, atMs + restMs);
  }
}
