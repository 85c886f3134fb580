import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';

const AVERAGED_MS = 1_000;

/**
 * How much of the flows' time goes by between a request and its answer. Small blobs wait more than they
 * move: goodput then grows with the flows however full the link was with large ones.
 */
export class Waits {
  readonly #rules: ElasticRules;
  #part = 0;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  take(sample: ElasticSample, elapsedMs: number): void {
    const { requests = 0, active, inFlight = active, rttMs = 50, answerMs = rttMs } = sample;
    if (active < 1 || elapsedMs <= 0) return;
    // More than 1 where requests come in bursts: only the average says something.
    const part = (requests * answerMs) / (Math.max(active, inFlight) * elapsedMs);
    this.#part += Math.min(1, elapsedMs / AVERAGED_MS) * (part - this.#part);
  }

  get areLong(): boolean {
    return this.#part > this.#rules.waitPart;
  }
}
