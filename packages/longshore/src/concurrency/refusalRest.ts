const FIRST_MS = 1_000;
export const LONGEST_REST_MS = 60_000;

/**
 * For how long a server that refuses is left in peace. Only one that has served nothing since gets a
 * longer rest: one that refuses now and then, as others come and go, would be left alone for minutes,
 * beside slots that are idle. Refusals of one burst count once.
 */
export class RefusalRest {
  readonly #random: () => number;
  #restMs = FIRST_MS;
  #servedSince = true;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Something was served since the last refusal. */
  served(): void {
    this.#servedSince = true;
  }

  /**
   * The rest after a refusal, in milliseconds: what the server asks for where it does.
   * @param isBurst it came before the last rest was over
   */
  after(askedMs: number | undefined, isBurst: boolean): number {
    if (!isBurst) {
      this.#restMs = this.#servedSince ? FIRST_MS : Math.min(LONGEST_REST_MS, 2 * this.#restMs);
      this.#servedSince = false;
    }
    const restMs = askedMs !== undefined && askedMs > 0 ? askedMs : this.#restMs;
    return Math.min(LONGEST_REST_MS, restMs) * (1 + 0.1 * this.#random());
  }
}
