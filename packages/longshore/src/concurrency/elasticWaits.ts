import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';

const AVERAGED_MS = 1_000;
/** Slower, for every change of it opens or closes flows. */
const STRETCHED_OVER_MS = 2_000;

/**
 * How much of the flows' time goes by between a request and its answer. Small blobs wait more than they
 * move: goodput then grows with the flows however full the link was with large ones. Reckoned with the
 * fastest answer: what a crowded server lets wait is no reason for more flows.
 */
export class Waits {
  readonly #rules: ElasticRules;
  #part = 0;
  #slowPart = 0;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  /** @param answerMs - the fastest answer of the server */
  take(sample: ElasticSample, elapsedMs: number, answerMs: number): void {
    const { requests = 0, active, inFlight = active } = sample;
    if (active < 1 || elapsedMs <= 0) return;
    // More than 1 where requests come in bursts: only the average says something.
    const part = (requests * answerMs) / (Math.max(active, inFlight) * elapsedMs);
    this.#part += Math.min(1, elapsedMs / AVERAGED_MS) * (part - this.#part);
    this.#slowPart += Math.min(1, elapsedMs / STRETCHED_OVER_MS) * (part - this.#slowPart);
  }

  get areLong(): boolean {
    return this.#part > this.#rules.waitPart;
  }

  /**
   * How many flows keep one of them moving, from 1 up. A width is found with large blobs, which go
   * first: where they become small, it takes more flows to load the way as much.
   */
  get stretch(): number {
    const { waitFree, mostStretch } = this.#rules;
    const waiting = Math.min(0.9, Math.max(0, this.#slowPart - waitFree));
    return Math.min(mostStretch, 1 / (1 - waiting));
  }
}
