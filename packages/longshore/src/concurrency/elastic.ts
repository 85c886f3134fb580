import { Breaks } from './elasticBreaks.ts';
import { createElasticCoordinator, type ElasticCoordinator } from './elasticCoordinator.ts';
import { FirstFlow } from './elasticFirstFlow.ts';
import { HoldTime } from './elasticHold.ts';
import { fairGoodput, type Goodput, Meter } from './elasticMeter.ts';
import { Pace } from './elasticPace.ts';
import {
  type Direction,
  describeProbe,
  nextWidth,
  type Probe,
  startProbe,
  takeGoodput,
} from './elasticProbe.ts';
import { Processor } from './elasticProcessor.ts';
import { Reference } from './elasticReference.ts';
import { Refusals } from './elasticRefusals.ts';
import { Regrowth } from './elasticRegrowth.ts';
import { ELASTIC_RULES, type ElasticRules } from './elasticRules.ts';
import {
  beginStartup,
  bestVisited,
  glance,
  hasPaid,
  type Level,
  type Startup,
  takeLevel,
} from './elasticStartup.ts';
import { ProbeTurns } from './elasticTurns.ts';
import type {
  Admission,
  ElasticController,
  ElasticOptions,
  ElasticPhase,
  ElasticSample,
  Knee,
} from './elasticTypes.ts';
import { isOurOwn, Tally, type Verdict } from './elasticVerdict.ts';
import { Waits } from './elasticWaits.ts';
import { checkWidth } from './width.ts';

/**
 * A controller for pulls from one origin. It doubles the width while that visibly pays, then keeps
 * the smallest width beyond which more flows bring almost nothing, testing that by paired probes.
 * Pure: time, bytes and counts come in the samples.
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function elastic(
  options: ElasticOptions,
  rules: Partial<ElasticRules> = {},
): ElasticController {
  return new Elastic(options, { ...ELASTIC_RULES, ...rules });
}

class Elastic implements ElasticController {
  readonly #rules: ElasticRules;
  readonly #random: () => number;
  readonly #max: number;
  readonly #coordinator: ElasticCoordinator;
  readonly #origin: string;
  readonly #tally = new Tally();
  readonly #refusals: Refusals;
  #startup: Startup = beginStartup();
  readonly #cold: number;
  readonly #first: FirstFlow;
  /** Until it has been compared with what is measured now. */
  #remembered: Knee | undefined;
  /** The width that is being measured; `target` stays below it while the server proves itself. */
  #width: number;
  target: number;
  #base: number;
  phase: ElasticPhase = 'starting';
  #probe: Probe | undefined;
  #reference: Reference | undefined;
  reason = 'starting';
  #lastMs: number | undefined;
  #guardMs = 0;
  #levelMs = 0;
  readonly #window = new Meter();
  readonly #burst = new Meter();
  #others = 0;
  readonly #turns: ProbeTurns;
  readonly #pace: Pace;
  readonly #holdTime: HoldTime;
  readonly #processor: Processor;
  readonly #waits: Waits;
  readonly #breaks = new Breaks();
  readonly #regrowth = new Regrowth();
  /** What wider gave when it was tried last: more, the same, or less than what is kept. */
  #above: 'unknown' | 'more' | 'same' | 'less' = 'unknown';

  constructor(options: ElasticOptions, rules: ElasticRules) {
    this.#rules = rules;
    this.#processor = new Processor(rules);
    this.#waits = new Waits(rules);
    this.#pace = new Pace(rules);
    this.#holdTime = new HoldTime(rules, this.#pace);
    this.#turns = new ProbeTurns(rules);
    this.#random = options.random;
    this.#max = checkWidth(options.max ?? 64, 'the most connections');
    const { remembered } = options;
    const cold = checkWidth(options.start ?? 4, 'the first width');
    const start = remembered === undefined ? cold : Math.max(1, Math.ceil(0.75 * remembered.width));
    this.#cold = Math.min(this.#max, cold);
    this.#first = new FirstFlow(rules);
    this.#remembered = remembered;
    this.#coordinator = options.coordinator ?? createElasticCoordinator();
    this.#origin = options.origin ?? 'origin';
    this.#width = this.#coordinator.claim(this.#origin, Math.min(this.#max, start));
    this.#base = this.#width;
    // What it took yesterday it may refuse today: the way to the remembered width is as on a first run.
    const proven = Math.min(this.#width, this.#cold);
    this.#refusals = new Refusals({ max: this.#max, start: proven, random: this.#random });
    this.target = Math.min(this.#width, this.#refusals.reach);
  }

  get admission(): Admission {
    return this.#refusals.admission;
  }

  get trial(): number {
    return this.#refusals.trial;
  }

  get isClimbing(): boolean {
    const isStarting = this.phase === 'starting' && this.target < this.#width;
    return (isStarting || this.#regrowth.isOn) && this.#refusals.count === 0;
  }

  get isResting(): boolean {
    return this.phase === 'holding' && this.#processor.isFull;
  }

  get capacityBytesPerSecond(): number | undefined {
    // A probe needs its width filled, even if that takes splits which bring nothing.
    const isFlat = this.#above === 'same' || this.#above === 'less';
    return isFlat && this.phase === 'holding' ? this.#reference?.goodput : undefined;
  }

  oneFirst(): void {
    if (this.#remembered !== undefined || this.#lastMs !== undefined) return;
    this.#first.begin();
    this.#refusals.oneFirst();
    this.#width = 1;
    this.target = this.#coordinator.claim(this.#origin, 1);
  }

  observe(sample: ElasticSample): number {
    const elapsedMs = Math.max(0, sample.atMs - (this.#lastMs ?? sample.atMs));
    this.#lastMs = sample.atMs;
    this.#pace.take(sample);
    const isFilled = sample.active >= this.#rules.filled * this.target;
    this.#processor.take(sample, elapsedMs, isFilled);
    this.#tally.add(sample, elapsedMs, !isFilled && (sample.waiting ?? 0) === 0);
    if (this.phase === 'probing') this.#holdTime.probed(elapsedMs);
    this.#waits.take(sample, elapsedMs, this.#pace.answerMs);
    this.#step(sample, elapsedMs);
    const before = this.target;
    const wanted = Math.min(this.#stretched(this.#width), this.#refusals.ceiling);
    const reached = Math.min(Math.max(wanted, this.trial), this.#refusals.reach);
    const open = this.#regrowth.step(sample, {
      open: before,
      wanted: reached,
      accepted: this.#refusals.accepted,
      isFree: this.phase === 'starting',
    });
    this.target = this.#coordinator.claim(this.#origin, open);
    if (this.target !== before && this.phase === 'starting') this.#newLevel();
    return this.target;
  }

  verdict(): Verdict {
    const starting = this.phase === 'starting';
    return this.#tally.verdict({
      width: starting ? this.target : this.#base,
      doubling: starting ? this.#startup.last : undefined,
      max: this.#max,
      ceiling: this.#refusals.ceiling,
      refusals: this.#refusals.count,
      paced: this.#refusals.paced,
    });
  }

  knee(): Knee | undefined {
    if (this.phase === 'starting' || this.#reference === undefined) return undefined;
    // What this machine could not take says nothing about the server, nor about a quieter hour here.
    if (isOurOwn(this.verdict().bound)) return undefined;
    return { width: this.#base, bytesPerSecond: this.#reference.goodput };
  }

  close(): void {
    this.#coordinator.leave(this.#origin);
  }

  #step(sample: ElasticSample, elapsedMs: number): void {
    const refused = this.#refusals.take(sample, this.#base, this.#tryBound());
    if (this.phase === 'holding' && this.trial === 0) this.#coordinator.endProbe(this.#origin);
    if (refused === 'start again') return this.#startAgain();
    if (refused !== undefined) return this.#fallBack(refused, 'refused by the server');
    if ((sample.breaks ?? 0) > 0 && this.#takeBreaks(sample)) return;
    if (this.phase === 'holding' && this.#processor.isFreeAgain) {
      this.#processor.forget();
      this.#startAgain();
    }
    if (this.#first.isAlone) {
      if (this.#first.take(sample, elapsedMs)) this.#setWidth(this.#cold);
      if (this.#first.isAlone) return;
    }
    if (this.#guardMs > 0 && this.phase !== 'starting') {
      this.#guardMs -= elapsedMs;
      return;
    }
    if (elapsedMs === 0) return; // The first sample: bytes of a time that is not known.
    this.#levelMs += elapsedMs;
    if (this.#probe !== undefined && this.#levelMs > this.#rules.abandonMs) {
      this.#hold(this.#turns.holdMs);
      return;
    }
    // A flow more or less is noise; a width not in use, or not yet given up, is not.
    const width = this.phase === 'starting' ? this.target : this.#stretched(this.#width);
    const used = sample.active / width;
    if (sample.active < 1 || used < this.#rules.filled || used > 1 / this.#rules.filled) {
      this.#clearWindow();
      this.#waitUnfilled(sample, elapsedMs);
      return;
    }
    const total = sample.totalBytes ?? sample.bytes;
    this.#window.add(elapsedMs, sample.bytes, total);
    this.#burst.add(elapsedMs, sample.bytes, total);
    if (this.phase === 'starting') this.#start(elapsedMs);
    else if (this.#window.ms >= this.#rules.windowMs - 1e-6) this.#takeWindow();
  }

  /**
   * The width that a ceiling may keep from growing; 0 where something else does, or is being tried, here
   * or at another origin. Keeps the lock of probes.
   */
  #tryBound(): number {
    const hasRoom = this.#coordinator.room(this.#origin) > this.#refusals.ceiling;
    const isAlone = this.phase === 'holding' && hasRoom && this.#coordinator.tryProbe(this.#origin);
    return isAlone ? this.#stretched(this.#base) : 0;
  }

  #takeBreaks(sample: ElasticSample): boolean {
    const said = this.#breaks.take(sample, this.#pace.rttMs);
    if (said === undefined) return false;
    if (said === 'turned away') {
      const base = this.#refusals.turnAway(sample.atMs, sample.turnedAway?.inFlight ?? 1);
      this.#fallBack(base, 'connections refused by the server');
      return true;
    }
    // What broke at a width that is being tried says nothing against the one that is held.
    const tried = this.phase === 'probing' && this.#width > this.#base;
    if (tried) this.#turns.brokeAbove();
    // What was reached where connections broke is no measure for the width that is left.
    this.#reference = undefined;
    this.#fallBack(tried ? this.#base : Math.floor(0.7 * this.#base), 'connections broke');
    return true;
  }

  #fallBack(base: number, reason: string): void {
    this.#first.end();
    this.#processor.forget();
    this.#turns.fallBack();
    this.#remembered = undefined;
    this.reason = reason;
    if (this.phase === 'starting') this.#base = this.#bestSoFar();
    this.#base = Math.max(1, Math.min(base, this.#base));
    this.#hold(this.#rules.afterRefusalMs);
  }

  /**
   * Another origin may start in the time in which this one has nothing to do. And a hold ends also
   * while nothing is split for lack of need: or the width would never be tested.
   */
  #waitUnfilled(sample: ElasticSample, elapsedMs: number): void {
    if (this.phase === 'starting' && this.#levelMs > this.#rules.rampMostMs) {
      this.#coordinator.endProbe(this.#origin);
    }
    if (this.phase !== 'holding' || (sample.waiting ?? 0) === 0) return;
    this.#holdTime.pass(elapsedMs);
    if (this.#hasHeld) this.#beginProbe(1);
  }

  /** For long enough; a ceiling that is being tried is not disturbed. */
  get #hasHeld(): boolean {
    return this.#holdTime.isOver && this.trial === 0;
  }

  #takeWindow(): void {
    const goodput = this.#window.read();
    this.#clearWindow();
    if (this.#probe !== undefined) this.#probing(this.#probe, goodput);
    else this.#holding(goodput.own);
  }

  /**
   * Early in a level only clear growth is believed, over a short window that keeps restarting; what
   * ends the start is judged over a full window after the ramp.
   */
  #start(elapsedMs: number): void {
    const ramped = this.#levelMs - elapsedMs >= this.#pace.rampMs;
    if (!ramped) this.#window.clear();
    const settled = this.#window.ms >= this.#rules.windowMs - 1e-6;
    const dwell = this.#pace.dwellMs(this.#processor.isBusy);
    if (!settled && this.#burst.ms < dwell - 1e-6) return;
    const seen = (settled ? this.#window : this.#burst).read();
    this.#burst.clear();
    if (this.#remembered !== undefined && this.#forget(this.#remembered, settled, seen.own)) return;
    const first = this.#startup.visited.size === 0;
    if (first) {
      // One origin at a time doubles; the others work at their first width until it is their turn.
      if (!this.#coordinator.tryProbe(this.#origin)) return;
      this.#others = seen.total - seen.own;
    }
    const level = { width: this.target, goodput: fairGoodput(seen, this.#others) };
    const look = glance(this.#startup, level, this.#rules);
    if (look === 'fallen') return this.#endStart(level.width, true);
    if (this.target < this.#width || !(settled || first || look === 'pays')) return;
    const ended = takeLevel(this.#startup, level, this.#rules);
    if (first && this.#processor.wasFull) return this.#endFirstLevel(level);
    if (ended || this.#width >= this.#cap() || this.#processor.isFull) {
      this.#endStart(level.width);
    } else this.#setWidth(Math.ceil(this.#width * this.#stride()));
  }

  /** After a doubling that hardly paid the next one is likely to be the last: it need not go as far. */
  #stride(): number {
    const isHalf = this.#startup.slow > 0 && this.#refusals.isSlowToReach;
    return isHalf ? this.#rules.step : 2;
  }

  /** Fewer flows than it began with would be no relief for the processor, so none are tried either. */
  #endFirstLevel({ width, goodput }: Level): void {
    this.#processor.endedFirstLevel();
    this.#base = Math.min(width, this.#cap());
    this.#reference = new Reference(0.9 * goodput, this.#base);
    this.#hold(this.#turns.holdMs);
  }

  /** What the start would settle at now. */
  #bestSoFar(): number {
    const { visited } = this.#startup;
    return visited.size > 1 ? bestVisited(this.#startup, this.#rules).width : this.#width;
  }

  #costsNothing(elasticity: number | undefined): boolean {
    return elasticity !== undefined && elasticity > -this.#rules.worthElasticity;
  }

  #startAgain(): void {
    this.#startup = beginStartup();
    this.#turns.startAgain();
    this.#coordinator.endProbe(this.#origin);
    this.#probe = undefined;
    // What is open now is where it begins, and what is open then counts as it is.
    const from = this.#stretched(this.#base);
    this.phase = 'starting';
    this.#setWidth(from);
  }

  /**
   * A memory is where to start from and no more: where goodput is not what it was, the start begins
   * anew as if there were none. Judged over a whole window, for slow start makes any line look bad.
   */
  #forget(remembered: Knee, settled: boolean, goodput: number): boolean {
    if (!settled || this.target < this.#width) return true;
    this.#remembered = undefined;
    const ratio = goodput / remembered.bytesPerSecond;
    const alike = ratio > this.#rules.alikeFrom && ratio < 1 / this.#rules.alikeFrom;
    if (alike || this.#width <= this.#cold) return false;
    this.#setWidth(this.#cold);
    return true;
  }

  #endStart(widest: number, fallen = false): void {
    const best = bestVisited(this.#startup, this.#rules);
    const { last: doubling } = this.#startup;
    const isMost = !fallen && widest >= this.#cap();
    const paid = isMost && hasPaid(this.#startup, widest, this.#rules);
    this.#base = Math.min(paid ? widest : best.width, this.#cap());
    this.#reference = new Reference(0.9 * best.goodput, this.#base);
    if (widest <= this.#base) this.#above = 'unknown';
    else this.#above = !fallen && this.#costsNothing(doubling?.value) ? 'same' : 'less';
    this.#turns.startEnded();
    if (doubling !== undefined) this.#tally.elasticity(widest > this.#base ? 1 : -1, doubling);
    if (paid) {
      // More is not allowed, and there is nothing to trim.
      this.#hold(this.#turns.holdMs);
      this.#holdTime.proveSoon(best.goodput);
      return;
    }
    this.phase = 'holding';
    this.#beginProbe(-1, fallen);
  }

  #nextDirection(): Direction {
    if (this.#holdTime.isToProve) return -1;
    return this.#waits.areLong ? 1 : this.#turns.next();
  }

  #beginProbe(direction: Direction, steep = false): void {
    const careful =
      this.#turns.failed(direction) > 0 || (direction > 0 && this.#base < this.#rules.few);
    const step = careful && !steep ? this.#rules.fineStep : this.#rules.step;
    const probe = startProbe(direction, this.#base, { step, most: this.#cap() });
    if (probe === undefined || this.#isVain(direction)) {
      this.#turns.pass(direction);
      this.#hold(this.#turns.holdMs);
      return;
    }
    if (!this.#coordinator.tryProbe(this.#origin)) {
      this.#hold(this.#rules.firstHoldMs);
      return;
    }
    this.phase = 'probing';
    this.#probe = probe;
    this.reason = `probing ${probe.low} against ${probe.high}`;
    this.#setWidth(nextWidth(probe, this.#random));
  }

  #isVain(direction: Direction): boolean {
    // Fewer flows that wait for answers get fewer answers.
    if (direction < 0 && this.#waits.areLong) return true;
    // More flows bring nothing to a full processor, and fewer than one began with are no relief.
    return this.#processor.isFull && (direction > 0 || this.#base <= this.#cold);
  }

  #probing(probe: Probe, goodput: Goodput): void {
    const result = takeGoodput(probe, goodput, this.#rules);
    if (result === undefined) {
      this.#setWidth(nextWidth(probe, this.#random));
      return;
    }
    const { direction } = probe;
    this.#coordinator.endProbe(this.#origin);
    this.#tally.probe(direction, result);
    this.#turns.take(direction, result);
    const before = this.#above;
    if (direction > 0) {
      const kept = this.#costsNothing(result.elasticity) ? 'same' : 'less';
      this.#above = result.accept ? 'more' : kept;
    }
    if (result.accept) {
      const isClear = result.elasticity - result.standardError > this.#rules.clearElasticity;
      // What brought nothing before and now pays in full is another line: small steps would take long.
      const isAnother = direction > 0 && before === 'same' && isClear;
      this.#base = direction > 0 ? probe.high : probe.low;
      if (isAnother) return this.#startAgain();
      this.#beginProbe(direction, direction < 0 && result.elasticity < this.#rules.steepElasticity);
      return;
    }
    // Where one direction clearly costs goodput, it may lie in the other one.
    const other: Direction = direction < 0 ? 1 : -1;
    const loses = direction < 0 || result.elasticity < -this.#rules.worthElasticity;
    if (result.clear && loses && this.#turns.failed(other) === 0) {
      this.#beginProbe(other);
      return;
    }
    // More flows cost nothing where the link is full: nothing has to be made up for.
    if (this.#turns.eachCounts) this.#holdTime.forgetProbes();
    this.#hold(this.#turns.rest(direction));
    this.reason = describeProbe(result);
  }

  #holding(goodput: number): void {
    this.#reference ??= new Reference(goodput, this.#base);
    const change = this.#reference.take(goodput, this.#base);
    if (change === 'none') {
      this.#holdTime.pass(this.#rules.windowMs);
      if (this.#hasHeld) this.#beginProbe(this.#nextDirection());
      return;
    }
    if (this.#holdTime.proves(this.#reference.goodput)) this.#holdTime.begin(this.#turns.holdMs);
    this.#turns.changed(change);
    if (change === 'fell after a trim') {
      // Whether the trim was to blame shows at the width before it: goodput comes back, or falls again.
      this.#base = Math.min(this.#cap(), this.#reference.width);
      this.#reference.lower();
      return this.#hold(this.#rules.firstHoldMs);
    }
    if (this.#base >= this.#cap()) {
      // Nothing wider is allowed; and a server that gives so much less may give more to fewer.
      if (change === 'fell far') this.#beginProbe(-1);
      return;
    }
    // Smaller blobs take more of them, and probes would come too late.
    if (change !== 'rose' && this.#waits.areLong) this.#startAgain();
    else this.#beginProbe(1);
  }

  #hold(forMs: number): void {
    this.#coordinator.endProbe(this.#origin);
    this.phase = 'holding';
    this.#probe = undefined;
    this.#holdTime.begin(forMs);
    this.#reference?.restart();
    this.#setWidth(this.#base);
  }

  #setWidth(wanted: number): void {
    const width = Math.max(1, Math.min(this.#cap(), wanted));
    if (width > this.#width) this.#guardMs = this.#pace.guardUpMs;
    else if (width < this.#width) this.#guardMs = this.#pace.guardDownMs;
    else this.#guardMs = 0;
    this.#width = width;
    this.#newLevel();
  }

  #newLevel(): void {
    this.#levelMs = 0;
    this.#processor.newLevel();
    this.#clearWindow();
  }

  /** A width in flows that move, as one in flows that move or wait. While starting all are counted as they are. */
  #stretched(width: number): number {
    if (this.phase === 'starting') return width;
    return Math.min(this.#cap(), Math.round(width * this.#waits.stretch));
  }

  #cap(): number {
    return Math.min(this.#max, this.#refusals.ceiling, this.#coordinator.room(this.#origin));
  }

  #clearWindow(): void {
    this.#window.clear();
    this.#burst.clear();
  }
}
