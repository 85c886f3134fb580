const RATE_WINDOW_MS = 10_000;
const LONGEST_INTERVAL_MS = 60_000;
const FIRST_EASE_MS = 5_000;
const LONGEST_EASE_MS = 160_000;
const EASED = 0.85;
/** One that was eased more often than this would have been refused, if the last refusal had told the limit. */
const PLAIN_EASINGS = 2;
const SHORTEST_EASE_MS = 500;
/** A pace that helps lets so many times more requests pass before the next refusal. */
const LONGER_RUN = 1.5;
/** Of what the server has let pass between two refusals, so much is asked of it. */
const BELOW = 0.9;

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
   * After a refusal that the number of flows does not explain: nine tenths of what the server has let
   * pass since the one before. Where a pace that was not eased lets hardly more pass than none did,
   * pace is not what the server counts; where that was a few requests only, it has to be seen twice.
   * @param lastMs when the last refusal came
   */
  slowDown(atMs: number, refused: number, lastMs: number): void {
    if (this.#futile) return;
    const accepted = this.#acceptedSince(lastMs, refused);
    const isPaced = this.#intervalMs > 0;
    const run = isPaced ? this.#sent - refused : accepted;
    this.#sent = 0;
    const isVain = isPaced && this.#easings === 0 && run < LONGER_RUN * this.#run;
    const isPlain = this.#wasVain || this.#run >= TELLING;
    this.#wasVain = isVain;
    if (isVain && isPlain) {
      this.#futile = true;
      this.#intervalMs = 0;
      return;
    }
    this.#run = run;
    const forMs = Math.min(RATE_WINDOW_MS, Math.max(1000, atMs - lastMs));
    const intervalMs = Math.max(this.#intervalMs, forMs / (BELOW * accepted));
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, intervalMs);
    this.#easeWaitMs = isPaced ? Math.min(LONGEST_EASE_MS, 2 * this.#easeWaitMs) : FIRST_EASE_MS;
    this.#easeAtMs = atMs + 2 * this.#easeWaitMs;
    this.#easings = 0;
  }

  #acceptedSince(fromMs: number, refused: number): number {
    const sent = this.#requests.filter(({ atMs }) => atMs > fromMs);
    return Math.max(1, sent.reduce((sum, { count }) => sum + count, 0) - refused);
  }

  #ease(atMs: number): void {
    this.#easings += 1;
    const beyond = Math.max(0, this.#easings - PLAIN_EASINGS);
    this.#easeAtMs = atMs + Math.max(SHORTEST_EASE_MS, this.#easeWaitMs / 2 ** beyond);
    this.#intervalMs *= EASED;
  }
}
