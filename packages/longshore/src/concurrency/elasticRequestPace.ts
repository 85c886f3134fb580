const RATE_WINDOW_MS = 10_000;
const LONGEST_INTERVAL_MS = 60_000;
const FIRST_EASE_MS = 5_000;
const LONGEST_EASE_MS = 160_000;
/** A pace that helps lets so many times more requests pass before the next refusal. */
const LONGER_RUN = 1.5;

/**
 * Time between requests, for a server that counts requests per second. It is found out from what the
 * server lets pass between two refusals, and eased again slowly.
 */
export class RequestPace {
  #requests: { readonly atMs: number; readonly count: number }[] = [];
  #intervalMs = 0;
  #easeAtMs = 0;
  #easeWaitMs = FIRST_EASE_MS;
  /** Requests accepted between the last two refusals that were met by pace. */
  #run = 0;
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
    if (count > 0) this.#requests.push({ atMs, count });
    while ((this.#requests[0]?.atMs ?? atMs) < atMs - RATE_WINDOW_MS) this.#requests.shift();
    if (this.#intervalMs === 0 || atMs <= this.#easeAtMs) return;
    this.#intervalMs *= 0.85;
    this.#easeAtMs = atMs + this.#easeWaitMs;
  }

  /**
   * After a refusal: half the rate of late; the second time nine tenths of what the server has let pass
   * since it was left alone. Where that is hardly more than before the last refusal, pace is not what
   * the server counts.
   * @param restedMs when requests were allowed again after the last refusal
   */
  slowDown(atMs: number, refused: number, restedMs: number): void {
    if (this.#futile) return;
    const known = this.#intervalMs > 0;
    const sent = this.#requests.filter((entry) => !known || entry.atMs > restedMs);
    const accepted = Math.max(1, sent.reduce((sum, { count }) => sum + count, 0) - refused);
    if (known && accepted < LONGER_RUN * this.#run) {
      this.#futile = true;
      this.#intervalMs = 0;
      return;
    }
    this.#run = accepted;
    const firstMs = known ? Math.max(restedMs, atMs - RATE_WINDOW_MS) : (sent[0]?.atMs ?? atMs);
    const perSecond = (accepted * 1000) / Math.max(1000, atMs - firstMs);
    const intervalMs = 1000 / (perSecond * (known ? 0.9 : 0.5));
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(intervalMs, this.#intervalMs));
    this.#easeWaitMs = known ? Math.min(LONGEST_EASE_MS, 2 * this.#easeWaitMs) : FIRST_EASE_MS;
    this.#easeAtMs = atMs + 2 * this.#easeWaitMs;
  }
}
