import type { StallAverseRules } from './stallAverseRules.ts';
import type { StallAverseSample } from './stallAverseTypes.ts';

/** The width to go on with, and why. */
export interface ClimbStep {
  readonly width: number;
  readonly reason: string;
  /** Goodput fell clearly: the width that was tried is above what the registry bears. */
  readonly harmful: boolean;
}

interface Climb {
  readonly from: number;
  readonly goodput: number;
  readonly seen: number[];
}

interface Moment {
  readonly atMs: number;
  readonly width: number;
  readonly limit: number;
  readonly waiting: number;
  /** Uploads end so fast that short windows tell enough. */
  readonly quick: boolean;
}

/** Tries one more upload at a time, and keeps it when goodput grows with it. */
export class Climber {
  readonly #rules: StallAverseRules;
  #climb: Climb | undefined;
  #failed = 0;
  #coolUntilMs = Number.NEGATIVE_INFINITY;
  #guardMs = 0;
  #windowMs = 0;
  #windowBytes = 0;
  #windowFinished = 0;
  #goodput: number | undefined;

  constructor(rules: StallAverseRules) {
    this.#rules = rules;
  }

  /** The width that is still trusted while a wider one is tried. */
  get from(): number | undefined {
    return this.#climb?.from;
  }

  /** Forgets what was measured and rests until then. */
  stop(untilMs: number): void {
    this.#climb = undefined;
    this.#goodput = undefined;
    this.#coolUntilMs = Math.max(this.#coolUntilMs, untilMs);
    this.#clearWindow();
  }

  take(
    sample: StallAverseSample,
    elapsedMs: number,
    now: { readonly width: number; readonly limit: number },
  ): ClimbStep | undefined {
    if (this.#guardMs > 0) {
      this.#guardMs -= elapsedMs;
      return undefined;
    }
    const bodies = sample.uploads.filter(({ step }) => step === 'body').length;
    if (bodies < now.width && sample.waiting === 0) return undefined;
    this.#windowMs += elapsedMs;
    this.#windowBytes += sample.bytes;
    this.#windowFinished += sample.finished ?? 0;
    const { windowLeastMs, windowMostMs, finishedPerSlot } = this.#rules;
    const plenty = this.#windowFinished >= finishedPerSlot * now.width;
    if (this.#windowMs < (plenty ? windowLeastMs : windowMostMs) - 1e-6) return undefined;
    const goodput = Math.max(1, (this.#windowBytes * 1000) / this.#windowMs);
    const quick = this.#windowMs < windowMostMs / 2;
    this.#clearWindow();
    const at = { atMs: sample.atMs, waiting: sample.waiting, quick, ...now };
    if (this.#climb !== undefined) return this.#judge(this.#climb, goodput, at);
    this.#goodput = this.#goodput === undefined ? goodput : 0.6 * this.#goodput + 0.4 * goodput;
    return this.#tryNext(at);
  }

  #tryNext(at: Moment): ClimbStep | undefined {
    // With little left to send there is nothing to win that a frozen upload could not take away.
    const worth = at.waiting > 2 * at.width;
    if (at.width >= at.limit || !worth || at.atMs < this.#coolUntilMs) return undefined;
    if (this.#goodput === undefined) return undefined;
    this.#climb = { from: at.width, goodput: this.#goodput, seen: [] };
    this.#guardMs = this.#guard(at);
    return { width: at.width + 1, reason: `trying ${at.width + 1}`, harmful: false };
  }

  #judge(climb: Climb, goodput: number, at: Moment): ClimbStep | undefined {
    climb.seen.push(goodput);
    const { worthElasticity, clearElasticity, plainElasticity, harmfulElasticity } = this.#rules;
    const mean = climb.seen.reduce((sum, value) => sum + value, 0) / climb.seen.length;
    const gain = Math.log(mean / climb.goodput) / Math.log(at.width / climb.from);
    if (climb.seen.length < this.#rules.climbWindows && gain < plainElasticity) return undefined;
    this.#climb = undefined;
    if (gain >= worthElasticity) {
      this.#failed = 0;
      this.#goodput = mean;
      const next = gain >= clearElasticity ? this.#tryNext(at) : undefined;
      const reason = `${at.width} gave more than ${climb.from}`;
      return next ?? { width: at.width, reason, harmful: false };
    }
    const { coolMs, longestCoolMs } = this.#rules;
    this.#coolUntilMs = at.atMs + Math.min(longestCoolMs, coolMs * 2 ** this.#failed);
    this.#failed += 1;
    this.#guardMs = this.#guard(at) / 2;
    return {
      width: climb.from,
      reason: `settled: ${at.width} gave no more than ${climb.from}`,
      harmful: gain < harmfulElasticity,
    };
  }

  #guard({ quick }: Moment): number {
    return quick ? this.#rules.guardMs / 4 : this.#rules.guardMs;
  }

  #clearWindow(): void {
    this.#windowMs = 0;
    this.#windowBytes = 0;
    this.#windowFinished = 0;
  }
}
