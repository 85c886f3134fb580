import type { Admission } from './elasticTypes.ts';
import { LONGEST_REST_MS, RefusalRest } from './refusalRest.ts';
import { Climber } from './stallAverseClimb.ts';
import { STALL_AVERSE_RULES, type StallAverseRules } from './stallAverseRules.ts';
import type {
  RememberedCeiling,
  StallAverseController,
  StallAverseOptions,
  StallAverseSample,
} from './stallAverseTypes.ts';
import { judgeSilence, SilenceNorm } from './stallAverseWatch.ts';
import { checkWidth } from './width.ts';

/**
 * A controller for pushes to one registry. It starts at 2, climbs by one while that pays, and takes
 * a frozen upload, a refusal or a loss of goodput as the place to stay below. Pure: time, bytes and
 * the state of the uploads come in the samples.
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function stallAverse(
  options: StallAverseOptions,
  rules: Partial<StallAverseRules> = {},
): StallAverseController {
  return new StallAverse(options, { ...STALL_AVERSE_RULES, ...rules });
}

/** What an outage must not take away. */
interface Standing {
  readonly width: number;
  readonly ceiling: number;
  readonly ceilingUntilMs: number;
  readonly bad: number;
}

class StallAverse implements StallAverseController {
  readonly #rules: StallAverseRules;
  readonly #random: () => number;
  readonly #start: number;
  readonly #max: number;
  readonly #norm: SilenceNorm;
  readonly #climber: Climber;
  #width: number;
  #reason = 'starting';
  #cancel: readonly number[] = [];
  #lastMs: number | undefined;
  #notBeforeMs = 0;
  #ceiling: number;
  #ceilingUntilMs = Number.POSITIVE_INFINITY;
  #rememberedForMs: number | undefined;
  #bad = 0;
  #badAtMs = Number.NEGATIVE_INFINITY;
  #badWidth = 0;
  #movedAtMs = Number.NEGATIVE_INFINITY;
  #history: { readonly atMs: number; readonly bodies: number }[] = [];
  #canary:
    | {
        readonly id: number;
        readonly sinceMs: number;
        readonly outageSinceMs: number;
        readonly before: Standing;
      }
    | undefined;
  /** The last freeze on trial, until it is clear that it was one. */
  #freeze:
    | { readonly atMs: number; readonly beside: ReadonlySet<number>; readonly before: Standing }
    | undefined;
  #trialUntilMs = Number.NEGATIVE_INFINITY;
  #canaryTries = 0;
  readonly #rests: RefusalRest;

  constructor(options: StallAverseOptions, rules: StallAverseRules) {
    this.#rules = rules;
    this.#random = options.random;
    this.#max = checkWidth(options.max ?? 16, 'the most pushers');
    this.#ceiling = Math.min(this.#max, options.remembered?.width ?? this.#max);
    this.#rememberedForMs = options.remembered?.forMs;
    if (options.remembered !== undefined) {
      this.#bad = options.remembered.events ?? 1;
      this.#reason = `an earlier run found ${options.remembered.width} to be the most`;
    }
    this.#start = Math.min(checkWidth(options.start ?? 2, 'the first width'), this.#max);
    this.#width = Math.max(1, Math.min(this.#start, this.#ceiling));
    this.#norm = new SilenceNorm(rules.stallLeastMs, rules.stallMostMs);
    this.#rests = new RefusalRest(options.random);
    this.#climber = new Climber(rules);
  }

  get target(): number {
    return this.#width;
  }

  get reason(): string {
    return this.#reason;
  }

  get cancel(): readonly number[] {
    return this.#cancel;
  }

  get openLimit(): number {
    return 3 * this.#width;
  }

  get admission(): Admission {
    return { notBeforeMs: this.#notBeforeMs, minIntervalMs: 0 };
  }

  get stallMs(): number {
    return this.#norm.stallMs;
  }

  get outage(): boolean {
    return this.#canary !== undefined;
  }

  ceiling(): RememberedCeiling | undefined {
    if (this.#ceiling >= this.#max) return undefined;
    const forMs = this.#rememberedForMs ?? this.#ceilingUntilMs - (this.#lastMs ?? 0);
    return { width: this.#ceiling, forMs: Math.max(0, forMs), events: Math.max(1, this.#bad) };
  }

  observe(sample: StallAverseSample): number {
    const { atMs } = sample;
    const elapsedMs = Math.max(0, atMs - (this.#lastMs ?? atMs));
    this.#lastMs = atMs;
    this.#cancel = [];
    if (this.#rememberedForMs !== undefined) {
      this.#ceilingUntilMs = atMs + this.#rememberedForMs;
      this.#rememberedForMs = undefined;
    }
    this.#record(sample, elapsedMs);
    this.#relax(atMs);
    this.#watchCanary(sample);
    if (this.#canary === undefined && !this.#watchTrial(sample, elapsedMs)) {
      this.#watchSilence(sample);
    }
    this.#takeRefusals(sample);
    this.#measure(sample, elapsedMs);
    return this.#width;
  }

  #record(sample: StallAverseSample, elapsedMs: number): void {
    const { atMs, uploads } = sample;
    this.#norm.take(uploads, elapsedMs);
    if ((sample.finished ?? 0) > 0) this.#rests.served();
    const bodies = uploads.filter(({ step }) => step === 'body').length;
    this.#history.push({ atMs, bodies });
    const quiets = uploads.map(({ step, quietMs }) => (step === 'body' ? quietMs : elapsedMs));
    const sinceMs = sample.bytes > 0 ? 0 : Math.min(elapsedMs, ...quiets);
    if (sample.bytes > 0 || sinceMs < elapsedMs) this.#movedAtMs = atMs - sinceMs;
    const keepMs = this.#rules.stallMostMs + this.#rules.windowMostMs;
    while ((this.#history[0]?.atMs ?? atMs) < atMs - keepMs) this.#history.shift();
  }

  #relax(atMs: number): void {
    if (this.#ceiling >= this.#max || atMs < this.#ceilingUntilMs) return;
    this.#ceiling += 1;
    this.#ceilingUntilMs = atMs + this.#ceilingLife();
  }

  #ceilingLife(): number {
    const { ceilingMs, mostCeilingDoublings } = this.#rules;
    return ceilingMs * 2 ** Math.min(mostCeilingDoublings, Math.max(0, this.#bad - 1));
  }

  /**
   * While a width is tried, and just after it froze, a short silence is enough: the way back costs
   * one upload and one step. That it may be the network's is seen when nothing moves afterwards.
   */
  #watchTrial(sample: StallAverseSample, elapsedMs: number): boolean {
    const { atMs } = sample;
    const { trialStallLeastMs, trialStallTimes, aftermathMs, settleMs } = this.#rules;
    const freeze = this.#freeze;
    const movedSince = freeze !== undefined && this.#movedAtMs > freeze.atMs;
    if (freeze !== undefined && movedSince && atMs - freeze.atMs > aftermathMs) {
      this.#freeze = undefined;
    }
    const stallMs = this.#norm.atLeast(trialStallLeastMs, trialStallTimes);
    // Who was held up itself has not seen what arrived meanwhile.
    if (elapsedMs > stallMs / 2) return false;
    // What froze during a trial may be seen when the trial has just been judged.
    if (this.#climber.from !== undefined) this.#trialUntilMs = atMs + aftermathMs;
    const onTrial = atMs <= this.#trialUntilMs || movedSince;
    const frozen = sample.uploads.filter(
      ({ id, step, quietMs }) =>
        step === 'body' &&
        ((onTrial && quietMs > stallMs) ||
          (freeze?.beside.has(id) === true && quietMs > stallMs / 2)),
    );
    if (frozen.length === 0) return false;
    this.#cancel = frozen.map(({ id }) => id);
    const beside = sample.uploads.filter((upload) => !frozen.includes(upload));
    this.#freeze = {
      atMs: freeze === undefined || movedSince ? atMs : freeze.atMs,
      beside: new Set(beside.map(({ id }) => id)),
      before: freeze?.before ?? this.#standing(),
    };
    const frozeAt = this.#openWithin(atMs, stallMs);
    this.#reason = `an upload froze with ${frozeAt} open`;
    this.#backOff(atMs, frozeAt, frozeAt);
    // A registry learns of a connection that was cut a moment later.
    this.#notBeforeMs = Math.max(this.#notBeforeMs, atMs + settleMs);
    return true;
  }

  /** What counts is how many were open when it froze, not how many are open now. */
  #openWithin(atMs: number, stallMs: number): number {
    const since = atMs - stallMs - this.#rules.windowMostMs;
    const recent = this.#history.filter((moment) => moment.atMs >= since);
    return Math.max(2, ...recent.map(({ bodies }) => bodies));
  }

  #watchSilence(sample: StallAverseSample): void {
    const { stallMostMs } = this.#rules;
    const stallMs = this.#norm.stallMs;
    const silence = judgeSilence(sample.uploads, {
      stallMs,
      sinceMoveMs: sample.atMs - this.#movedAtMs,
      allQuietMs: stallMostMs,
    });
    if (silence.kind === 'none') return;
    this.#cancel = silence.cancel;
    const frozeAt = this.#openWithin(sample.atMs, stallMs);
    if (silence.kind === 'frozen') {
      this.#reason = `an upload froze with ${frozeAt} open`;
      this.#backOff(sample.atMs, frozeAt, frozeAt);
      return;
    }
    this.#reason = 'nothing moves: one upload is kept open, and one tried, to see why';
    this.#canary = {
      id: silence.canary,
      sinceMs: sample.atMs,
      outageSinceMs: sample.atMs,
      before: this.#freeze?.before ?? this.#standing(),
    };
    this.#freeze = undefined;
    if (silence.cancel.length > 0) this.#backOff(sample.atMs, frozeAt, frozeAt);
    // One beside the canary: if a new upload arrives, it is the old one that is frozen.
    this.#width = Math.min(2, this.#max);
  }

  /** One new upload at a time while a canary waits; when either moves, the delay tells what it was. */
  #watchCanary(sample: StallAverseSample): void {
    const canary = this.#canary;
    if (canary === undefined) return;
    const { atMs, uploads } = sample;
    const upload = uploads.find(({ id }) => id === canary.id);
    const waitedMs = atMs - canary.sinceMs;
    // Half a millisecond: what is added up in fractions differs in its last digit.
    const moved =
      upload === undefined || upload.step === 'commit' || upload.quietMs < waitedMs - 0.5;
    const passedBy = !moved && (sample.finished ?? 0) > 0;
    if (passedBy) this.#cancel = [canary.id];
    if (passedBy || (moved && (upload !== undefined || sample.bytes > 0))) {
      this.#canary = undefined;
      this.#canaryTries = 0;
      this.#notBeforeMs = Math.min(this.#notBeforeMs, atMs);
      if (atMs - canary.outageSinceMs > this.#rules.overloadMs)
        this.#endOutage(atMs, canary.before);
      else this.#width = Math.max(1, Math.min(this.#start, this.#ceiling));
      return;
    }
    if (upload === undefined) {
      const next = uploads.find(({ step }) => step === 'body');
      if (next !== undefined) {
        this.#canary = { ...canary, id: next.id, sinceMs: atMs - next.quietMs };
      }
      return;
    }
    if (upload.quietMs <= (3 + this.#canaryTries) * this.#rules.stallMostMs) return;
    this.#canaryTries += 1;
    const most = Math.min(LONGEST_REST_MS, 1000 * 2 ** this.#canaryTries);
    this.#notBeforeMs = atMs + 1000 + this.#random() * (most - 1000);
    this.#cancel = [canary.id];
  }

  #standing(): Standing {
    return {
      width: this.#climber.from ?? this.#width,
      ceiling: this.#ceiling,
      ceilingUntilMs: this.#ceilingUntilMs,
      bad: this.#bad,
    };
  }

  /** The silence was the network's: the registry is taken up where it was left. */
  #endOutage(atMs: number, before: Standing): void {
    this.#reason = 'the network is back';
    this.#width = before.width;
    this.#ceiling = before.ceiling;
    this.#ceilingUntilMs = before.ceilingUntilMs;
    this.#bad = before.bad;
    this.#badAtMs = Number.NEGATIVE_INFINITY;
    this.#climber.stop(atMs + 2_000);
  }

  #takeRefusals(sample: StallAverseSample): void {
    const { refusals, atMs } = sample;
    const breaks = sample.breaks ?? 0;
    const refused = refusals !== undefined && refusals.count > 0;
    // Where nothing moves, connections that break say no more than that.
    if (!refused && (breaks === 0 || this.#canary !== undefined)) return;
    const bodies = sample.uploads.filter(({ step }) => step === 'body').length;
    const held = Math.max(1, refused ? refusals.inFlight : bodies);
    if (refused) this.#wait(atMs, refusals.retryAfterMs);
    this.#reason = refused ? `refused with ${held} open` : 'a connection broke';
    this.#backOff(atMs, held + 1, Math.min(held, this.#width) + 1);
  }

  #wait(atMs: number, askedMs: number | undefined): void {
    const waitMs = this.#rests.after(askedMs, atMs < this.#notBeforeMs);
    this.#notBeforeMs = Math.max(this.#notBeforeMs, atMs + waitMs);
  }

  /** Stays below the width to blame; halves it when the same width fails twice. */
  #backOff(atMs: number, blamed: number, from: number): void {
    const { coolMs, oneEventMs } = this.#rules;
    this.#climber.stop(atMs);
    if (atMs - this.#badAtMs < oneEventMs) return;
    const again = atMs - this.#badAtMs < 2 * coolMs && blamed <= this.#badWidth;
    this.#bad += 1;
    this.#badAtMs = atMs;
    this.#badWidth = blamed;
    this.#ceiling = Math.max(1, Math.min(this.#max, blamed - 1));
    this.#ceilingUntilMs = atMs + this.#ceilingLife();
    const lower = again ? Math.ceil(from / 2) : from - 1;
    this.#width = Math.max(1, Math.min(this.#ceiling, this.#width, lower));
    this.#climber.stop(atMs + coolMs);
  }

  #measure(sample: StallAverseSample, elapsedMs: number): void {
    if (this.#canary !== undefined) return;
    const step = this.#climber.take(sample, elapsedMs, {
      width: this.#width,
      limit: Math.min(this.#max, this.#ceiling),
    });
    if (step === undefined) return;
    if (step.harmful) {
      this.#ceiling = step.width;
      this.#ceilingUntilMs = sample.atMs + this.#ceilingLife();
    }
    this.#width = step.width;
    this.#reason = step.reason;
  }
}
