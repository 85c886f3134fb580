import { Streak } from './elasticMeter.ts';
import type { ElasticRules } from './elasticRules.ts';
import type { ElasticSample } from './elasticTypes.ts';
import { isFullHere, isLimited } from './elasticVerdict.ts';

/**
 * Whether the processor of this machine is what bounds a pull: more flows bring nothing to a full one.
 * A limit on bytes per second that the user has set is the same to it.
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
  readonly #limited = new Streak();
  #wasLimited = false;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
  }

  /** @param isFilled whether the width was in use: what stands still says nothing */
  take(sample: ElasticSample, elapsedMs: number, isFilled: boolean): void {
    const isBusy = isFullHere(sample);
    this.#busy.take(isBusy, elapsedMs);
    this.#calm.take(!isBusy && isFilled, elapsedMs);
    this.#levelMs += elapsedMs;
    if (isBusy) this.#levelBusyMs += elapsedMs;
    this.#limited.take(isLimited(sample), elapsedMs);
    if (this.#limited.ms >= this.#rules.busyMs) this.#wasLimited = true;
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
    if (this.#burst === 'none' && !this.#wasLimited) this.#burst = 'perhaps';
  }

  /** What has followed is not to be undone. */
  forget(): void {
    this.#burst = 'over';
    this.#wasLimited = false;
  }

  /** Whether it was a burst, and that is over, or a limit that the user has lifted; `forget` it then. */
  get isFreeAgain(): boolean {
    const wasBurst = this.#burst === 'perhaps' && this.#calm.ms >= this.#rules.calmMs;
    return wasBurst || (this.#wasLimited && this.#calm.ms >= this.#rules.liftedMs);
  }
}
