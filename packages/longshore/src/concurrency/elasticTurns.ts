import type { Direction, ProbeResult } from './elasticProbe.ts';
import type { Change } from './elasticReference.ts';
import type { ElasticRules } from './elasticRules.ts';

/**
 * Which way the next probe goes, how careful it is, and how long a hold comes before it. Probes go up
 * and down by turns; but where each flow counts, only trying more shows that a link has opened up.
 */
export class ProbeTurns {
  readonly #rules: ElasticRules;
  #last: Direction = -1;
  #failedUp = 0;
  #failedDown = 0;
  /** Flows that were taken away were missed: so many times nothing narrower is tried when it is its turn. */
  #upInstead = 0;
  #holdMs: number;

  constructor(rules: ElasticRules) {
    this.#rules = rules;
    this.#holdMs = rules.firstHoldMs;
  }

  /** Between two probes; longer after each that changed nothing. */
  get holdMs(): number {
    return this.#holdMs;
  }

  /** Flows that were taken away were missed: a link that opens up shows in nothing but a probe upwards. */
  get eachCounts(): boolean {
    return this.#upInstead > 0;
  }

  /** Takes the turn. */
  next(): Direction {
    if (this.#last < 0) return 1;
    if (this.#upInstead === 0) return -1;
    this.#upInstead -= 1;
    return 1;
  }

  /** How often it went this way for nothing since it last paid. */
  failed(direction: Direction): number {
    return direction > 0 ? this.#failedUp : this.#failedDown;
  }

  take(direction: Direction, { accept, elasticity }: ProbeResult): void {
    const { clearElasticity, worthElasticity, upInstead } = this.#rules;
    if (direction < 0) this.#upInstead = elasticity > clearElasticity ? upInstead : 0;
    if (accept || elasticity < -worthElasticity) this.#upInstead = 0;
    if (accept) {
      // What lies behind us was just judged: come back to it in small steps only.
      this.#failedUp = direction > 0 ? 0 : Math.max(1, this.#failedUp);
      this.#failedDown = direction < 0 ? 0 : Math.max(1, this.#failedDown);
      this.#holdMs = this.#rules.firstHoldMs;
    } else if (direction > 0) this.#failedUp += 1;
    else this.#failedDown += 1;
  }

  /** There was nowhere to go this way. */
  pass(direction: Direction): void {
    this.#last = direction;
  }

  /** A probe this way has changed nothing. @returns how long to hold after it */
  rest(direction: Direction): number {
    this.#last = direction;
    if (this.eachCounts) return this.#rules.soonMs;
    this.#holdMs = Math.min(this.#rules.longestHoldMs, this.#holdMs * this.#rules.holdGrowth);
    return this.#holdMs;
  }

  /** Many widths were looked at on the way: the knee is near. */
  startEnded(): void {
    this.#failedDown = 1;
  }

  startAgain(): void {
    this.#upInstead = 0;
  }

  fallBack(): void {
    this.#upInstead = 0;
    this.#holdMs = this.#rules.firstHoldMs;
  }

  /** Connections broke at a wider width that was being tried. */
  brokeAbove(): void {
    this.#failedUp += 1;
  }

  /** Goodput is not what it was. */
  changed(how: Exclude<Change, 'none'>): void {
    this.#upInstead = 0;
    if (how === 'fell after a trim') {
      this.#failedDown = Math.max(1, this.#failedDown);
      return;
    }
    if (how === 'rose') this.#failedUp = 0;
    this.#failedDown = 0;
    this.#holdMs = this.#rules.firstHoldMs;
  }
}
