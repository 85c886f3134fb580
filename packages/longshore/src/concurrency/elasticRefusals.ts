import type { Admission, ElasticSample } from './elasticTypes.ts';

const DEFAULT_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
const AGAIN_WITHIN_MS = 8_000;
const FIRST_RAISE_MS = 40_000;
const LONGEST_RAISE_MS = 300_000;
const RATE_WINDOW_MS = 10_000;
const PACE_RAISE_MS = 5_000;
const LONGEST_PACE_RAISE_MS = 160_000;
/** Registries that count flows count to fewer than this; from here on the start may take larger steps. */
const MANY = 12;
/** A connection takes four round trips to answer: so far away, two at a time would take ten seconds. */
const FAR_MS = 80;

/** What follows from a refusal. */
export interface RefusalOutcome {
  /** The width to go on with. */
  readonly base: number;
}

/**
 * What the server has refused and what it has proved to take.
 *
 * Two limits hide behind a 429. One counts flows: then the flows in flight at the refusal are what
 * it takes, and they become the ceiling. One counts requests per second: then it refuses again with
 * far fewer flows in flight, and what helps is time between requests.
 */
export class Refusals {
  readonly #max: number;
  readonly #random: () => number;
  #ceiling: number;
  #raiseAtMs = 0;
  #raiseWaitMs = FIRST_RAISE_MS / 2;
  #lastMs = Number.NEGATIVE_INFINITY;
  #waitMs = DEFAULT_WAIT_MS;
  #notBeforeMs = 0;
  #minIntervalMs = 0;
  #paceRaiseAtMs = 0;
  #paceWaitMs = PACE_RAISE_MS;
  #proven: number;
  #count = 0;
  #far = false;
  #requests: { readonly atMs: number; readonly count: number }[] = [];

  constructor(options: {
    readonly max: number;
    readonly start: number;
    readonly random: () => number;
  }) {
    this.#max = options.max;
    this.#random = options.random;
    this.#ceiling = options.max;
    this.#proven = Math.max(1, options.start - 2);
  }

  get ceiling(): number {
    return Math.min(this.#max, this.#ceiling);
  }

  get count(): number {
    return this.#count;
  }

  get paced(): boolean {
    return this.#minIntervalMs > 0;
  }

  get admission(): Admission {
    return { notBeforeMs: this.#notBeforeMs, minIntervalMs: this.#minIntervalMs };
  }

  /**
   * How many flows may be open now. Beyond what the server has proved to take, only two requests (a
   * quarter more once it took twelve) are out at a time, so a limit is met by two refusals (four on a long line) and not
   * by a burst of them.
   */
  get reach(): number {
    if (this.#count > 0) return this.#proven + 1;
    const beyond = this.#proven < MANY ? (this.#far ? 4 : 2) : this.#proven >> 1;
    return this.#proven + beyond;
  }

  /** Books a sample; an outcome when it holds refusals. */
  take(sample: ElasticSample, base: number): RefusalOutcome | undefined {
    const { atMs } = sample;
    this.#far = (sample.rttMs ?? 0) >= FAR_MS;
    const unknown = sample.requests === undefined ? sample.active : 0;
    this.#proven = Math.max(this.#proven, Math.min(this.#max, sample.acceptedAt ?? unknown));
    if (sample.requests !== undefined && sample.requests > 0) {
      this.#requests.push({ atMs, count: sample.requests });
    }
    while ((this.#requests[0]?.atMs ?? atMs) < atMs - RATE_WINDOW_MS) this.#requests.shift();
    this.#relax(atMs);
    const { refusals } = sample;
    if (refusals === undefined || refusals.count === 0) return undefined;
    this.#count += refusals.count;
    const again = atMs - this.#lastMs < AGAIN_WITHIN_MS;
    // Well below a ceiling that an earlier refusal set, the number of flows cannot be the reason.
    const byRate = this.#ceiling < this.#max && refusals.inFlight < 0.5 * this.#ceiling;
    this.#wait(atMs, refusals.retryAfterMs);
    const outcome = byRate
      ? this.#slowDown(atMs, base, refusals.count)
      : this.#lower(atMs, { base, inFlight: refusals.inFlight, again });
    this.#lastMs = atMs;
    return outcome;
  }

  /**
   * The server has turned new connections away while it served that many. It is a ceiling like that
   * of a refusal; but it does not ask to wait, and no wait is needed.
   */
  turnAway(atMs: number, inFlight: number): RefusalOutcome {
    return this.#lower(atMs, { base: Number.POSITIVE_INFINITY, inFlight, again: false });
  }

  #lower(
    atMs: number,
    at: { readonly base: number; readonly inFlight: number; readonly again: boolean },
  ): RefusalOutcome {
    // A server counts flows for a moment that have ended here, so this may be one or two too low. To
    // believe more than was in flight costs a second refusal, and all that is waited for it.
    this.#ceiling = Math.max(1, Math.min(this.#max, at.inFlight));
    this.#proven = Math.min(this.#proven, this.#ceiling);
    this.#raiseWaitMs = Math.min(LONGEST_RAISE_MS, this.#raiseWaitMs * 2);
    this.#raiseAtMs = atMs + this.#raiseWaitMs;
    const stillRefused = at.again && at.base <= this.#ceiling;
    return { base: Math.max(1, Math.floor(this.#ceiling * (stillRefused ? 0.75 : 1))) };
  }

  /** The second time, the accepted requests since the first give the rate that the server allows. */
  #slowDown(atMs: number, base: number, refused: number): RefusalOutcome {
    const known = this.paced;
    const sinceMs = known ? Math.max(this.#lastMs, atMs - RATE_WINDOW_MS) : atMs - RATE_WINDOW_MS;
    const sent = this.#requests.filter((entry) => entry.atMs > sinceMs);
    const accepted = Math.max(1, sent.reduce((sum, entry) => sum + entry.count, 0) - refused);
    const firstMs = known ? sinceMs : (sent[0]?.atMs ?? atMs);
    const perSecond = (accepted * 1000) / Math.max(1000, atMs - firstMs);
    const interval = 1000 / (perSecond * (known ? 0.9 : 0.5));
    this.#minIntervalMs = Math.min(LONGEST_WAIT_MS, Math.max(interval, this.#minIntervalMs));
    this.#paceWaitMs = known
      ? Math.min(LONGEST_PACE_RAISE_MS, 2 * this.#paceWaitMs)
      : PACE_RAISE_MS;
    this.#paceRaiseAtMs = atMs + 2 * this.#paceWaitMs;
    return { base };
  }

  #wait(atMs: number, askedMs: number | undefined): void {
    this.#waitMs =
      atMs - this.#lastMs < 30_000 ? Math.min(LONGEST_WAIT_MS, this.#waitMs * 2) : DEFAULT_WAIT_MS;
    const asked = askedMs !== undefined && askedMs > 0 ? askedMs : this.#waitMs;
    const waitMs = Math.min(LONGEST_WAIT_MS, asked) * (1 + 0.1 * this.#random());
    this.#notBeforeMs = Math.max(this.#notBeforeMs, atMs + waitMs);
  }

  #relax(atMs: number): void {
    if (this.#ceiling < this.#max && atMs > this.#raiseAtMs) {
      this.#ceiling += 1;
      this.#raiseAtMs = atMs + this.#raiseWaitMs;
    }
    if (this.paced && atMs > this.#paceRaiseAtMs) {
      this.#minIntervalMs *= 0.85;
      this.#paceRaiseAtMs = atMs + this.#paceWaitMs;
    }
  }
}
