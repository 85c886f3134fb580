import type { Pace } from './elasticPace.ts';
import type { ElasticRules } from './elasticRules.ts';

/**
 * For how long a width is held before the next probe: at least so many times as long as a step up takes,
 * and as the probes before it took.
 */
export class HoldTime {
  readonly #rules: ElasticRules;
  readonly #pace: Pace;
  #leftMs = 0;
  #probingMs = 0;
  /** Goodput when the start ended at the widest allowed: whether its last flows pay has yet to show. */
  #unproven: number | undefined;

  constructor(rules: ElasticRules, pace: Pace) {
    this.#rules = rules;
    this.#pace = pace;
  }

  begin(forMs: number): void {
    const { holdGuards, holdProbes } = this.#rules;
    this.#unproven = undefined;
    this.#leftMs = Math.max(forMs, holdGuards * this.#pace.guardUpMs, holdProbes * this.#probingMs);
    this.#probingMs = 0;
  }

  /**
   * Far away a doubling looks as if it paid while what it is compared with was still growing. If it
   * did, goodput goes on to grow; if it does not, fewer are tried before long.
   */
  proveSoon(goodput: number): void {
    this.#unproven = goodput;
    this.#leftMs = Math.min(this.#leftMs, this.#pace.rampMs + this.#rules.proveMs);
  }

  /** Whether the last flows of the start have yet to show that they pay. */
  get isToProve(): boolean {
    return this.#unproven !== undefined;
  }

  /** Whether that much says that they do. */
  proves(goodput: number): boolean {
    return this.#unproven !== undefined && goodput > this.#rules.proven * this.#unproven;
  }

  pass(ms: number): void {
    this.#leftMs -= ms;
  }

  get isOver(): boolean {
    return this.#leftMs <= 0;
  }

  /** Probes took so long. */
  probed(ms: number): void {
    this.#probingMs += ms;
  }

  /** They cost nothing. */
  forgetProbes(): void {
    this.#probingMs = 0;
  }
}
