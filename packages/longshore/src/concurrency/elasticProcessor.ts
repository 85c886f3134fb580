import { Streak } from './elasticMeter.ts';
import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';
import { isCpuBound, isDiskBound } from './elasticVerdict.ts';

/**
 * Whether the processor of this machine is what bounds a pull. More flows bring nothing to a full one.
 * A start that it has ended goes on once it is free: servers that send a burst before they hold back
 * fill it for a moment.
 */
export class Processor {
  readonly #rules: ElasticRules;
  readonly #busy = new Streak();
  readonly #calm = new Streak();
  #levelMs = 0;
  #levelBusyMs = 0;
  #endedStart = false;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  take(sample: ElasticSample, elapsedMs: number): void {
    const isBusy = isCpuBound(sample);
    this.#busy.take(isBusy, elapsedMs);
    this.#calm.take(!isBusy && !isDiskBound(sample), elapsedMs);
    this.#levelMs += elapsedMs;
    if (isBusy) this.#levelBusyMs += elapsedMs;
  }

  /** The width is another from here on. */
  newLevel(): void {
    this.#levelMs = 0;
    this.#levelBusyMs = 0;
  }

  /** It was in the last sample. */
  get isBusy(): boolean {
    return this.#busy.ms > 0;
  }

  get isFull(): boolean {
    return this.#busy.ms >= this.#rules.busyMs || this.#endedStart;
  }

  /**
   * Whether the doubling start has to end here, and not for another reason.
   * @param first at the width it began with: after that new flows themselves make it full for a while
   */
  endsStart(first: boolean): boolean {
    const most = this.#levelBusyMs > this.#rules.busyPart * this.#levelMs;
    this.#endedStart = this.#busy.ms >= this.#rules.busyMs || (first && most);
    return this.#endedStart;
  }

  /** Whether a start that it has ended should go on; true once. */
  letsGoOn(): boolean {
    if (!this.#endedStart || this.#calm.ms < this.#rules.calmMs) return false;
    this.#endedStart = false;
    return true;
  }
}
