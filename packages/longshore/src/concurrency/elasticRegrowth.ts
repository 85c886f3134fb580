import type { ElasticSample } from './elasticTypes.ts';

/** So many requests may follow each that was taken. */
const FOLLOW = 6;

export interface Growth {
  /** How many flows may be open so far. */
  readonly open: number;
  readonly wanted: number;
  /** {@link ElasticSample.acceptedAt} */
  readonly accepted: number;
  /** The way to more flows is found by other means, as in a start. */
  readonly isFree: boolean;
}

/**
 * How a width grows within what the server took before. It may have begun to refuse since, and would
 * refuse all that is new: so one request goes first, and more follow as each is taken.
 */
export class Regrowth {
  #from: number | undefined;
  #taken = 0;

  /** Some of the width is still to come. */
  get isOn(): boolean {
    return this.#from !== undefined;
  }

  /** How many flows may be open now. */
  step({ active, waiting = 0 }: ElasticSample, { open, wanted, accepted, isFree }: Growth): number {
    const isIdle = active < open && waiting === 0;
    if (wanted <= open || isFree || isIdle) {
      this.#from = undefined;
      return wanted;
    }
    const from = this.#from ?? open;
    this.#taken = this.#from === undefined ? 0 : Math.max(this.#taken, accepted - from);
    this.#from = from;
    return Math.min(wanted, from + 1 + FOLLOW * this.#taken);
  }
}
