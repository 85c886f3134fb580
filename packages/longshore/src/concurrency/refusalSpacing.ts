/** A refusal is rare where so many requests were accepted since the one before, */
const SELDOM = 16;
/** and alone where it is so many. */
const APART = 3;
/** So many of them in a row show that the server means the single request, */
const IN_A_ROW = 3;
/** and so many that are not alone that it does not any more. */
const TOGETHER = 2;

/**
 * Tells a server that refuses a request now and then, such as one short of room because of others, from
 * one that refuses all beyond a limit.
 */
export class RefusalSpacing {
  #accepted = 0;
  /** Refusals that speak against what is believed now. */
  #against = 0;
  #isWide = false;

  /** The last refusals came one by one. */
  get isWide(): boolean {
    return this.#isWide;
  }

  /** @param count of refusals that are heard of now, and not booked yet */
  isRare(count: number): boolean {
    return this.#accepted >= SELDOM * count;
  }

  accepted(count: number): void {
    this.#accepted += count;
  }

  /** @param count of those that were heard of together */
  refused(count: number): void {
    const isAlone = this.#accepted >= APART * count;
    this.#accepted = 0;
    this.#against = isAlone === this.#isWide ? 0 : this.#against + 1;
    if (this.#against < (this.#isWide ? TOGETHER : IN_A_ROW)) return;
    this.#isWide = isAlone;
    this.#against = 0;
  }
}
