/** Goodput over a stretch of time, of one origin and of all of them. Bytes per second. */
export interface Goodput {
  readonly own: number;
  readonly total: number;
}

/** Adds up bytes over time; the window ends when its owner says so. */
export class Meter {
  #ms = 0;
  #own = 0;
  #total = 0;

  get ms(): number {
    return this.#ms;
  }

  add(elapsedMs: number, own: number, total: number): void {
    this.#ms += elapsedMs;
    this.#own += own;
    this.#total += total;
  }

  clear(): void {
    this.#ms = 0;
    this.#own = 0;
    this.#total = 0;
  }

  /** Never zero: goodput is compared by its logarithm. */
  read(): Goodput {
    const seconds = Math.max(0.001, this.#ms / 1000);
    return {
      own: Math.max(1, this.#own / seconds),
      total: Math.max(1, this.#total / seconds),
    };
  }
}

/** For how long something has been so without a break: samples may be as short as 20 ms. */
export class Streak {
  #ms = 0;

  get ms(): number {
    return this.#ms;
  }

  take(is: boolean, elapsedMs: number): void {
    this.#ms = is ? this.#ms + elapsedMs : 0;
  }
}

/**
 * What this origin brings when the others are taken to bring what they did before: a gain that was
 * taken from another origin is none.
 * @param others - goodput of the others at the width it is compared with
 */
export function fairGoodput(now: Goodput, others: number): number {
  return Math.max(0.1 * now.own, now.total - others, 1);
}
