import { analyse } from '../../packages/longshore/src/tune/analyse.ts';
import {
  simulate,
  type TuneWorld,
  trueSeconds,
} from '../../packages/longshore/test/sim/tuneWorld.ts';
import { LADDER, PARITY_WIDTHS } from './cases.ts';

const FAST = { resamples: 50, rounds: 600 };

export interface Trials {
  readonly trials: number;
  /** Seed of the first; those after it have the next ones. @defaultValue 1 */
  readonly first?: number;
  /** How many blocks each has. @defaultValue as precision asks; 8 where parity is asked for */
  readonly blocks?: number | undefined;
}

function seedsOf({ trials, first = 1 }: Trials): readonly number[] {
  return Array.from({ length: trials }, (_, i) => first + i);
}

/** In how many of the trials a parity effect is claimed. */
export async function parityClaims(world: TuneWorld, trials: Trials): Promise<number> {
  const { blocks = 8 } = trials;
  let claims = 0;
  for (const seed of seedsOf(trials)) {
    const stopping = { minBlocks: blocks, maxBlocks: blocks };
    const results = await simulate(world, { widths: PARITY_WIDTHS, seed, stopping });
    if (analyse(results, FAST).parity?.verdict === 'effect') claims += 1;
  }
  return claims / trials.trials;
}

/** What a rising sweep of one run each would have said, by its exact permutation test. */
export async function sweepClaims(world: TuneWorld, trials: Trials): Promise<number> {
  let claims = 0;
  const widths = Array.from({ length: 30 }, (_, i) => i + 1);
  for (const seed of seedsOf(trials)) {
    const results = await simulate(world, { widths, seed, design: 'as-published' });
    const p = analyse(results, FAST).sweep?.parity?.permutation.p ?? 1;
    if (p < 0.05) claims += 1;
  }
  return claims / trials.trials;
}

export interface CurveOutcome {
  /** Recommended widths that are within 5 % of the true best, of all trials with an answer. */
  readonly within: number;
  /** The same for trials whose answer is said to be certain. */
  readonly withinWhenCertain: number;
  readonly certain: number;
  readonly blocks: number;
  /** Intervals of the time over one worker that hold the truth. */
  readonly coverageOfBase: number;
  /** Intervals of the time over the best that hold the truth. */
  readonly coverageOfBest: number;
  /** The latter by the bootstrap. */
  readonly coverageOfBootstrap: number;
}

/** How often answers and intervals hold over trials of one world. */
export async function curveTrials(world: TuneWorld, trials: Trials): Promise<CurveOutcome> {
  const { blocks } = trials;
  const truth = new Map(LADDER.map((width) => [String(width), trueSeconds(world, width)]));
  const best = Math.min(...truth.values());
  const one = truth.get('1') ?? best;
  const tally = {
    within: 0,
    certainWithin: 0,
    certain: 0,
    blocks: 0,
    base: 0,
    over: 0,
    bootstrap: 0,
    bases: 0,
    overs: 0,
  };
  for (const seed of seedsOf(trials)) {
    const stopping = blocks === undefined ? {} : { minBlocks: blocks, maxBlocks: blocks };
    const results = await simulate(world, { widths: LADDER, seed, stopping });
    const { recommendation, arms, blocks: count } = analyse(results, { ...FAST, resamples: 400 });
    tally.blocks += count;
    const chosen = truth.get(String(recommendation?.workers)) ?? Infinity;
    const good = chosen <= best * 1.05 + 1e-9;
    if (good) tally.within += 1;
    if (recommendation?.certain === true) {
      tally.certain += 1;
      if (good) tally.certainWithin += 1;
    }
    for (const { arm, overBase, overBest, overBestBootstrap } of arms) {
      const real = truth.get(arm.id);
      if (real === undefined) continue;
      if (overBase !== undefined && arm.id !== '1') {
        tally.bases += 1;
        if (overBase.low <= real / one && real / one <= overBase.high) tally.base += 1;
      }
      if (overBest === undefined || overBest.high - overBest.low < 1e-9) continue;
      tally.overs += 1;
      if (overBest.low <= real / best && real / best <= overBest.high) tally.over += 1;
      const { low = 0, high = 0 } = overBestBootstrap ?? {};
      if (low <= real / best && real / best <= high) tally.bootstrap += 1;
    }
  }
  return {
    within: tally.within / trials.trials,
    withinWhenCertain: tally.certain === 0 ? 1 : tally.certainWithin / tally.certain,
    certain: tally.certain / trials.trials,
    blocks: tally.blocks / trials.trials,
    coverageOfBase: tally.base / tally.bases,
    coverageOfBest: tally.over / tally.overs,
    coverageOfBootstrap: tally.bootstrap / tally.overs,
  };
}
