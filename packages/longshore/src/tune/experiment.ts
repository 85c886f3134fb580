import { setTimeout as sleep } from 'node:timers/promises';
import { observationsOf } from './analyse.ts';
import { blockOrder } from './arms.ts';
import { armsBeyondBudget, expectedBlockMs } from './budget.ts';
import { type Random, seededRandom } from './random.ts';
import { armsToGiveUp, type Spoiler } from './spoilers.ts';
import { hopelessArms, isPreciseEnough, STOPPING, type StoppingRules } from './stopping.ts';
import type { Arm, Run, StopReason, TuneResults } from './types.ts';

/** What one measured run came to; the experiment adds when and in which block. */
export interface Measurement extends Omit<Run, 'order' | 'block' | 'arm'> {
  /** How long the registry asked to be left alone. */
  readonly retryAfterMs?: number;
}

export interface ExperimentOptions {
  /** Runs one arm once, cold. Must not throw for what goes wrong with the run. */
  readonly measure: (arm: Arm, details: { readonly keepTrace: boolean }) => Promise<Measurement>;
  /** Called after every run with all that is known, so that nothing is lost. */
  readonly onRun?: (run: Run, results: TuneResults) => void | Promise<void>;
  readonly stopping?: Partial<StoppingRules>;
  /** Pause before each run. @defaultValue 0 */
  readonly gapMs?: number;
  /** No block is begun that would probably end later than this. @defaultValue none */
  readonly budgetMs?: number;
  /** Aborted: stop, keep what was measured. */
  readonly signal?: AbortSignal;
  /** Milliseconds that never go back. @defaultValue performance.now */
  readonly now?: () => number;
}

/** How many blocks in a row may be spoiled, by arms that are still measured, before it is pointless. */
const MAX_VOID_IN_A_ROW = 6;
/** How often the first pull of all is tried. */
const WARM_UPS = 3;
/** After a run that was throttled the registry is left alone for so many gaps, unless it says how long. */
const THROTTLED_GAPS = 4;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Measures in randomised complete blocks until enough is known. Starts from `results`, which may hold
 * the blocks of an earlier call: what they began and did not end is void, and measuring goes on with
 * the next block.
 *
 * A block in which any run went wrong is void as a whole and made again, so that the runs that are
 * compared always come from the same stretch of time.
 */
export async function runExperiment(
  results: TuneResults,
  options: ExperimentOptions,
): Promise<TuneResults> {
  return new Experiment(results, options).run();
}

class Experiment {
  readonly #options: ExperimentOptions;
  readonly #rules: StoppingRules;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** What has spoiled blocks. */
  readonly #spoilers: Spoiler[] = [];
  /** Arms that have spoiled blocks since the last whole one. */
  #inARow: string[] = [];
  #results: TuneResults;
  /** In whole blocks: all of the time, and the runs in it. */
  #blocksMs = 0;
  #blockRuns: readonly Run[] = [];
  #pauseMs = 0;

  constructor(results: TuneResults, options: ExperimentOptions) {
    const { stopped: _, ...open } = results;
    this.#results = voidUnfinished(open);
    this.#options = options;
    this.#rules = { ...STOPPING, ...options.stopping };
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
  }

  async run(): Promise<TuneResults> {
    const reason = await this.#warmUp();
    if (reason !== undefined) return this.#stop(reason);
    if (this.#results.design === 'as-published') return this.#asPublished();
    for (;;) {
      const reasonNow = this.#reasonToStop();
      if (reasonNow !== undefined) return this.#stop(reasonNow);
      const begun = this.#now();
      const block = this.#nextBlock();
      const whole = await this.#block(block);
      if (this.#aborted) return this.#stop('interrupted');
      if (!whole) continue;
      this.#inARow = [];
      this.#blocksMs += this.#now() - begun;
      const runs = this.#results.runs.filter((run) => run.block === block);
      this.#blockRuns = [...this.#blockRuns, ...runs];
      this.#dropHopeless();
      this.#dropForBudget();
    }
  }

  /**
   * The first run fills caches on the way and is never compared. One that fails is tried again with
   * the least that there is: perhaps the arm in the middle is too much for the registry.
   */
  async #warmUp(): Promise<StopReason | undefined> {
    const { arms, runs } = this.#results;
    if (runs.some(({ state }) => state === 'warm-up') || arms.length === 0) return undefined;
    const tries = [arms[Math.floor(arms.length / 2)], ...Array(WARM_UPS - 1).fill(arms[0])];
    for (const arm of tries) {
      const { state } = await this.#measure(arm, { block: 0, keepTrace: false });
      if (state === 'warm-up') return undefined;
      if (state === 'interrupted') return 'interrupted';
    }
    return 'failing';
  }

  /** Every arm once, rising: what the first author did. Nothing is repeated. */
  async #asPublished(): Promise<TuneResults> {
    const done = new Set(this.#results.runs.filter(({ block }) => block > 0).map(({ arm }) => arm));
    for (const arm of this.#results.arms.filter(({ id }) => !done.has(id))) {
      const run = await this.#measure(arm, { block: 1, keepTrace: true });
      if (run.state === 'interrupted') return this.#stop('interrupted');
    }
    return this.#stop('blocks');
  }

  /** Measures one block; false when it is void. */
  async #block(block: number): Promise<boolean> {
    for (const arm of blockOrder(this.#arms, this.#random(block))) {
      const keepTrace = !this.#results.runs.some(
        (run) => run.arm === arm.id && run.blobs !== undefined,
      );
      const run = await this.#measure(arm, { block, keepTrace });
      if (run.state === 'ok') continue;
      this.#void(block);
      if (run.state !== 'interrupted') this.#blame(arm, run);
      return false;
    }
    return true;
  }

  async #measure(
    arm: Arm,
    { block, keepTrace }: { block: number; keepTrace: boolean },
  ): Promise<Run> {
    const { measure, gapMs = 0, onRun } = this.#options;
    const order = this.#results.runs.length + 1;
    if (order > 1) await this.#pause(Math.max(gapMs, this.#pauseMs));
    const { retryAfterMs, ...measured }: Measurement = this.#aborted
      ? { seconds: 0, state: 'interrupted' }
      : await measure(arm, { keepTrace });
    const asked = retryAfterMs ?? THROTTLED_GAPS * gapMs;
    this.#pauseMs = measured.state === 'throttled' ? Math.min(asked, LONGEST_PAUSE_MS) : 0;
    const state = block === 0 && measured.state === 'ok' ? 'warm-up' : measured.state;
    const run: Run = { order, block, arm: arm.id, ...measured, state };
    // A run that was never begun is no run.
    if (run.state === 'interrupted' && run.seconds === 0) return run;
    this.#results = { ...this.#results, runs: [...this.#results.runs, run] };
    await onRun?.(run, this.#results);
    return run;
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#options;
    if (milliseconds <= 0) return;
    await sleep(milliseconds, undefined, signal && { signal }).catch(() => {});
  }

  #reasonToStop(): StopReason | undefined {
    if (this.#aborted) return 'interrupted';
    const arms = new Set(this.#arms.map(({ id }) => id));
    const unexplained = this.#inARow.filter((arm) => arms.has(arm)).length;
    if (unexplained >= MAX_VOID_IN_A_ROW || arms.size < 2) return 'failing';
    const observations = observationsOf(this.#results);
    const done = new Set(observations.map(({ block }) => block)).size;
    if (done >= this.#rules.maxBlocks) return 'blocks';
    if (isPreciseEnough(observations, this.#results.arms, this.#rules)) return 'precise';
    const blockMs = expectedBlockMs(this.#arms, observations, this.#overheadMs);
    return blockMs > this.#leftMs ? 'budget' : undefined;
  }

  get #leftMs(): number {
    const { budgetMs = Number.POSITIVE_INFINITY } = this.#options;
    return budgetMs - (this.#now() - this.#startedAt);
  }

  /** Of a run: gaps, making and removing what it needs. */
  get #overheadMs(): number {
    const count = this.#blockRuns.length;
    if (count === 0) return this.#options.gapMs ?? 0;
    const measured = this.#blockRuns.reduce((total, { seconds }) => total + seconds * 1000, 0);
    return Math.max(0, (this.#blocksMs - measured) / count);
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  get #arms(): readonly Arm[] {
    const gone = new Set(this.#results.dropped.map(({ arm }) => arm));
    return this.#results.arms.filter(({ id }) => !gone.has(id));
  }

  #nextBlock(): number {
    return Math.max(0, ...this.#results.runs.map(({ block }) => block)) + 1;
  }

  /** Each block has its own numbers, so that a resumed experiment is the one that was planned. */
  #random(block: number): Random {
    return seededRandom(this.#results.seed * 1009 + block);
  }

  #void(block: number): void {
    this.#results = { ...this.#results, voidBlocks: [...this.#results.voidBlocks, block] };
  }

  #blame(arm: Arm, { state, problem = '' }: Run): void {
    this.#spoilers.push({ arm: arm.id, state, problem });
    this.#inARow.push(arm.id);
    for (const { arm: bad, why } of armsToGiveUp(this.#arms, this.#spoilers, this.#results.runs)) {
      this.#drop(bad, why);
    }
  }

  #dropHopeless(): void {
    for (const arm of hopelessArms(observationsOf(this.#results), this.#arms)) {
      this.#drop(arm, 'surely more than 25 % slower than the best');
    }
  }

  #dropForBudget(): void {
    const observations = observationsOf(this.#results);
    const done = new Set(observations.map(({ block }) => block)).size;
    const blocks = this.#rules.minBlocks - done;
    if (blocks <= 0 || this.#leftMs === Number.POSITIVE_INFINITY) return;
    const time = { blocks, leftMs: this.#leftMs, overheadMs: this.#overheadMs };
    for (const arm of armsBeyondBudget(this.#arms, observations, time)) {
      this.#drop(
        arm,
        'among the slowest of the first blocks, and the time budget is too short for all',
      );
    }
  }

  #drop({ id }: Arm, why: string): void {
    this.#results = { ...this.#results, dropped: [...this.#results.dropped, { arm: id, why }] };
  }

  #stop(stopped: StopReason): TuneResults {
    return { ...voidUnfinished(this.#results), stopped };
  }
}

/** The last block of what was interrupted is not whole, and counts as void. */
function voidUnfinished(results: TuneResults): TuneResults {
  if (results.design === 'as-published') return results;
  const last = Math.max(0, ...results.runs.map(({ block }) => block));
  if (last === 0 || results.voidBlocks.includes(last)) return results;
  const runs = results.runs.filter(({ block }) => block === last);
  const present = new Set(runs.map(({ arm }) => arm));
  const gone = new Set(results.dropped.map(({ arm }) => arm));
  const whole = results.arms.every(({ id }) => present.has(id) || gone.has(id));
  return whole ? results : { ...results, voidBlocks: [...results.voidBlocks, last] };
}
