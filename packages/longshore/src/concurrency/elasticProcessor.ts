import { Streak } from './elasticMeter.ts';
import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';
import { isCpuBound } from './elasticVerdict.ts';

/**
 * Whether the processor of this machine is what bounds a pull: more flows bring nothing to a full one.
 * Servers that send a burst before they hold back fill it for a moment, too. So a start that it has
 * ended at the first width goes on when it is free soon after; once, or the two would take turns.
 */
export class Processor {
  readonly #rules: ElasticRules;
  readonly #busy = new Streak();
  readonly #calm = new Streak();
  #levelMs = 0;
  #levelBusyMs = 0;
  #burst: 'none' | 'perhaps' | 'over' = 'none';

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  /** @param isFilled whether the width was in use: what stands still says nothing */
  take(sample: ElasticSample, elapsedMs: number, isFilled: boolean): void {
    const isBusy = isCpuBound(sample);
    this.#busy.take(isBusy, elapsedMs);
    this.#calm.take(!isBusy && isFilled, elapsedMs);
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
    return this.#busy.ms >= this.#rules.busyMs;
  }

  /** Whether it was for most of the time at this width; new flows make it so for a moment. */
  get wasFull(): boolean {
    return this.#levelBusyMs > this.#rules.busyPart * this.#levelMs;
  }

  /** The start has ended at its first width because of it. */
  endedFirstLevel(): void {
    if (this.#burst === 'none') this.#burst = 'perhaps';
  }

  /** What has followed is not to be undone. */
  forget(): void {
    this.#burst = 'over';
  }

  /** Whether it was a burst, and that is over; `forget` it then. */
  get wasBurst(): boolean {
    return this.#burst === 'perhaps' && this.#calm.ms >= this.#rules.calmMs;
  }
}
