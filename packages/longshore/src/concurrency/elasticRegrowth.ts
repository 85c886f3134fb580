import type { ElasticSample } from './elasticTypes.ts';

/** So many requests may follow each that was taken. */
const FOLLOW = 6;

/** By the default of a sample: without a count of requests, those that are active were accepted. */
export function acceptedAt({ acceptedAt: accepted, requests, active }: ElasticSample): number {
  return accepted ?? (requests === undefined ? active : 0);
}

export interface Growth {
  /** How many flows may be open so far. */
  readonly open: number;
  readonly wanted: number;
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
  step(sample: ElasticSample, { open, wanted, isFree }: Growth): number {
    const isIdle = sample.active < open && (sample.waiting ?? 0) === 0;
    if (wanted <= open || isFree || isIdle) {
      this.#from = undefined;
      return wanted;
    }
    const from = this.#from ?? open;
    this.#taken = this.#from === undefined ? 0 : Math.max(this.#taken, acceptedAt(sample) - from);
    this.#from = from;
    return Math.min(wanted, from + 1 + FOLLOW * this.#taken);
  }
}
