/** A refusal is alone where so many requests were accepted since the one before. */
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
  #inARow = 0;
  isWide = false;

  accepted(count: number): void {
    this.#accepted += count;
  }

  refused(count: number): void {
    const isAlone = this.#accepted >= APART * count;
    this.#accepted = 0;
    this.#inARow = isAlone === this.isWide ? 0 : this.#inARow + 1;
    if (this.#inARow < (this.isWide ? TOGETHER : IN_A_ROW)) return;
    this.isWide = isAlone;
    this.#inARow = 0;
  }
}
