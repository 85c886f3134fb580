import { alike, overBest } from './overBest.ts';
import type { Random } from './random.ts';
import { type Blocks, bestOverall, pairedDifferences } from './ratios.ts';
import { type Estimate, mapEstimate, resample, studentInterval } from './stats/intervals.ts';
import { mean } from './stats/moments.ts';

/** Within this of the best is as good as the best. */
export const TOLERANCE = 0.05;
/** Fewer blocks say nothing about their own noise. */
const MIN_BLOCKS = 4;

export interface Recommendation {
  readonly workers: number;
  /** Its time over that of the best width. */
  readonly ratio: Estimate;
  /** With 95 % confidence its time is at most this multiple of that of any other width. */
  readonly atMost: number;
  /** False: nothing is surely within the tolerance; `workers` is the fewest that are on average. */
  readonly certain: boolean;
  /** Widths that the data do not tell from the one that is fastest on average, rising. */
  readonly alike: readonly number[];
  /** How often each width is recommended when blocks are drawn anew. */
  readonly winShares: ReadonlyMap<string, number>;
}

/** Recommends nothing for fewer than {@link MIN_BLOCKS} blocks. */
export function recommend(
  blocks: Blocks,
  widths: readonly number[],
  options: { readonly random: Random; readonly resamples?: number },
): Recommendation | undefined {
  if (blocks.size < MIN_BLOCKS) return undefined;
  const choices = widths.toSorted((a, b) => a - b).map(String);
  const bounds = new Map(choices.map((arm) => [arm, boundOverAny(blocks, arm, choices)]));
  const limit = Math.log1p(TOLERANCE);
  const certain = choices.find((arm) => (bounds.get(arm) ?? limit + 1) <= limit);
  const chosen = certain ?? pointWinner(blocks, choices);
  if (chosen === undefined) return undefined;
  return {
    workers: Number(chosen),
    ratio: toRatio(overBest(blocks, choices).get(chosen)?.interval ?? studentInterval([])),
    atMost: Math.exp(bounds.get(chosen) ?? Number.POSITIVE_INFINITY),
    certain: certain !== undefined,
    alike: alike(blocks, choices).map(Number),
    winShares: winShares(blocks, choices, options),
  };
}

/** A difference of logarithms as a ratio. */
export function toRatio(difference: Estimate): Estimate {
  return mapEstimate(difference, Math.exp);
}

/**
 * Bound on how much slower an arm is than the best, whichever that is: the largest of its one-sided
 * 95 % bounds against each other arm. As all of them have to hold, none needs to be corrected for
 * their number (intersection-union test, Berger 1982; multiple comparisons with the best, Hsu 1984).
 * Not knowing which arm is best is in it: a noisy experiment gives a loose bound, never a lucky one.
 */
function boundOverAny(blocks: Blocks, arm: string, choices: readonly string[]): number {
  const bounds = choices
    .filter((other) => other !== arm)
    .map((other) => {
      const differences = pairedDifferences(blocks, arm, other);
      // An interval of 90 % on both sides has 95 % below its upper end.
      return differences.length < MIN_BLOCKS
        ? Number.POSITIVE_INFINITY
        : studentInterval(differences, 0.9).high;
    });
  return Math.max(0, ...bounds);
}

/**
 * The whole choice, made again on blocks drawn with replacement: what part of the answer is luck. The
 * point estimate stands for the interval here, as a resample has the noise of the sample already.
 */
function winShares(
  blocks: Blocks,
  choices: readonly string[],
  { random, resamples = 2000 }: { readonly random: Random; readonly resamples?: number },
): ReadonlyMap<string, number> {
  const wins = new Map<string, number>();
  const rows = [...blocks.values()];
  for (let round = 0; round < resamples; round += 1) {
    const drawn = new Map(resample(rows, random).map((row, i) => [i, row]));
    const winner = pointWinner(drawn, choices);
    if (winner !== undefined) wins.set(winner, (wins.get(winner) ?? 0) + 1 / resamples);
  }
  return wins;
}

function pointWinner(blocks: Blocks, choices: readonly string[]): string | undefined {
  const best = bestOverall(blocks, choices);
  if (best === undefined) return undefined;
  const rows = [...blocks.values()];
  return choices.find((arm) => {
    const both = rows.flatMap((row) => {
      const a = row.get(arm);
      const b = row.get(best);
      return a === undefined || b === undefined ? [] : [a - b];
    });
    return both.length > 0 && mean(both) <= Math.log1p(TOLERANCE);
  });
}
