import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';

/** How long looks, ramps and guards take on the way to this server. Milliseconds. */
export class Pace {
  readonly #rules: ElasticRules;
  #rttMs = 50;
  #answerMs = 50;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  take({ rttMs = this.#rttMs, answerMs = rttMs }: ElasticSample): void {
    this.#rttMs = rttMs;
    this.#answerMs = answerMs;
  }

  get rttMs(): number {
    return this.#rttMs;
  }

  get answerMs(): number {
    return this.#answerMs;
  }

  /**
   * While starting, how long a short look takes: at least as long as an answer, for small blobs come
   * in bursts. A full processor makes what is near look far.
   */
  dwellMs(isBusy: boolean): number {
    const { nearMs, dwellNearMs, dwellLeastMs, dwellRtts } = this.#rules;
    const awayMs = Math.max(this.#rttMs, this.#answerMs / dwellRtts);
    const isNear = awayMs < nearMs && !isBusy;
    return Math.max(isNear ? dwellNearMs : dwellLeastMs, dwellRtts * awayMs);
  }

  /** How long new flows ramp up after a doubling. */
  get rampMs(): number {
    const { rampMostMs, guardUpLeastMs, rampRtts } = this.#rules;
    return Math.min(rampMostMs, Math.max(guardUpLeastMs, rampRtts * this.#rttMs));
  }

  /** How long goodput does not count after a step up in a probe. */
  get guardUpMs(): number {
    const { guardUpMostMs, guardUpLeastMs, guardUpRtts } = this.#rules;
    return Math.min(guardUpMostMs, Math.max(guardUpLeastMs, guardUpRtts * this.#rttMs));
  }

  /** How long goodput does not count after a step down. */
  get guardDownMs(): number {
    const { guardDownLeastMs, guardDownRtts } = this.#rules;
    return Math.max(guardDownLeastMs, guardDownRtts * this.#rttMs);
  }
}
