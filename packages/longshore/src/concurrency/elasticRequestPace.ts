const RATE_WINDOW_MS = 10_000;
const LONGEST_INTERVAL_MS = 60_000;
const FIRST_EASE_MS = 5_000;
const LONGEST_EASE_MS = 160_000;
const EASED = 0.85;
/** One that was eased more often than this would have been refused, if the last refusal had told the limit. */
const PLAIN_EASINGS = 2;
const SHORTEST_EASE_MS = 500;
/** Where fewer than this part of the requests that it allows are sent, something else holds them back. */
const BINDING = 0.6;
/** A pace that helps lets so many times more requests pass before the next refusal. */
const LONGER_RUN = 1.5;
/** Of what the server has let pass between two refusals, so much is asked of it. */
const BELOW = 0.9;

/** Where the first refusal comes after so many requests for each flow in flight, their rate may be why. */
const FREQUENT = 1.5;
/** A pace that is only suspected to help is eased so often, this far apart, and then given up. */
const SUSPECT_EASINGS = 8;
const SUSPECT_EASE_MS = 500;
/** From so many accepted requests on, one comparison of a paced run with the one before it is enough. */
const TELLING = 4;

/**
 * Time between requests, for a server that counts requests per second. It is found out from what the
 * server lets pass between two refusals, and eased again slowly.
 */
export class RequestPace {
  #requests: { readonly atMs: number; readonly count: number }[] = [];
  #intervalMs = 0;
  #easeAtMs = 0;
  #easeWaitMs = FIRST_EASE_MS;
  /** Since the interval was set. Where there are some, they are why the server refuses again. */
  #easings = 0;
  #isKnown = false;
  /** Requests since the last refusal. */
  #sent = 0;
  /** Requests accepted between the last two refusals that were met by pace. */
  #run = 0;
  #wasVain = false;
  #futile = false;

  /** 0 while requests need not be spaced out. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** A limit was met that only pace explains; before that it is a precaution. */
  get isFound(): boolean {
    return this.#isKnown && this.#intervalMs > 0;
  }

  /** Requests are as far apart as they are because of it. */
  holds(atMs: number): boolean {
    if (this.#intervalMs === 0) return false;
    const sent = this.#requests.reduce((sum, { count }) => sum + count, 0);
    const sinceMs = this.#requests[0]?.atMs ?? atMs;
    return sent * this.#intervalMs >= BINDING * (atMs - sinceMs);
  }

  /** Slower requests have turned out not to help. */
  get futile(): boolean {
    return this.#futile;
  }

  /** Books requests that were sent. */
  book(atMs: number, count: number): void {
    this.#sent += count;
    if (count > 0) this.#requests.push({ atMs, count });
    while ((this.#requests[0]?.atMs ?? atMs) < atMs - RATE_WINDOW_MS) this.#requests.shift();
    if (this.#intervalMs > 0 && atMs > this.#easeAtMs) this.#ease(atMs);
  }

  /**
   * After the first refusal, which says nothing of its reason: half the rate of late, for some seconds.
   * Only where flows are short: long ones go as fast as they end, and a pace would leave room unused.
   */
  suspect(atMs: number, refused: number, inFlight: number): void {
    const accepted = this.#acceptedSince(Number.NEGATIVE_INFINITY, refused);
    this.#sent = 0;
    if (accepted < FREQUENT * Math.max(1, inFlight)) return;
    const forMs = Math.max(1000, atMs - (this.#requests[0]?.atMs ?? atMs));
    this.#intervalMs = (2 * forMs) / accepted;
    this.#easeWaitMs = SUSPECT_EASE_MS;
    this.#easeAtMs = atMs + 2 * SUSPECT_EASE_MS;
    this.#easings = 0;
  }

  /**
   * After a refusal that the number of flows does not explain: nine tenths of what the server has let
   * pass since the one before. Where a pace that was not eased lets hardly more pass than none did,
   * pace is not what the server counts; where that was a few requests only, it has to be seen twice.
   * @param lastMs when the last refusal came
   */
  slowDown(atMs: number, refused: number, lastMs: number): void {
    if (this.#futile) return;
    const accepted = this.#acceptedSince(lastMs, refused);
    const run = this.#isKnown ? this.#sent - refused : accepted;
    this.#sent = 0;
    const isVain = this.#isKnown && this.#easings === 0 && run < LONGER_RUN * this.#run;
    const isPlain = this.#wasVain || this.#run >= TELLING;
    this.#wasVain = isVain;
    if (isVain && isPlain) {
      this.#futile = true;
      this.#intervalMs = 0;
      return;
    }
    this.#run = run;
    const forMs = Math.min(RATE_WINDOW_MS, Math.max(1000, atMs - lastMs));
    const atLeastMs = this.#isKnown ? this.#intervalMs : 0;
    const intervalMs = Math.max(atLeastMs, forMs / (BELOW * accepted));
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, intervalMs);
    this.#easeWaitMs = this.#isKnown
      ? Math.min(LONGEST_EASE_MS, 2 * this.#easeWaitMs)
      : FIRST_EASE_MS;
    this.#easeAtMs = atMs + 2 * this.#easeWaitMs;
    this.#isKnown = true;
    this.#easings = 0;
  }

  #acceptedSince(fromMs: number, refused: number): number {
    const sent = this.#requests.filter(({ atMs }) => atMs > fromMs);
    return Math.max(1, sent.reduce((sum, { count }) => sum + count, 0) - refused);
  }

  #ease(atMs: number): void {
    this.#easings += 1;
    const beyond = this.#isKnown ? Math.max(0, this.#easings - PLAIN_EASINGS) : 0;
    this.#easeAtMs = atMs + Math.max(SHORTEST_EASE_MS, this.#easeWaitMs / 2 ** beyond);
    const isEnough = this.#easings === SUSPECT_EASINGS && !this.#isKnown;
    this.#intervalMs = isEnough ? 0 : EASED * this.#intervalMs;
  }
}
