import { type Blocks, bestOverall, crossFitted, pairedDifferences } from './ratios.ts';
import { normalQuantile } from './stats/distributions.ts';
import { type Estimate, studentInterval } from './stats/intervals.ts';
import { deviation, mean } from './stats/moments.ts';

/** An arm's time over that of the best, on the scale of logarithms. */
export interface OverBest {
  /** One a block. */
  readonly values: readonly number[];
  readonly interval: Estimate;
}

/** Arms whose mean is so many standard errors above the least may be as good as the best. */
const ALIKE_ERRORS = 2;

/**
 * Each arm against the best, with 95 % intervals: Student's, on differences from {@link crossFitted},
 * widened for what the two halves have in common. Where k widths are equally good, the half that
 * chooses is where its choice was lucky; the choices of both halves meet in both means, so that the
 * means are correlated though neither is biased. For normal noise their covariance is m^2 / (k - 1)
 * of a run's variance over the number of blocks in a half, m being the mean of the largest of k
 * standard normals: 8 % more standard error for k = 8, 15 % for 2, none for a single best width.
 * @param choices arms that may be called best
 */
export function overBest(
  blocks: Blocks,
  choices: readonly string[],
): ReadonlyMap<string, OverBest> {
  const widen = Math.sqrt(1 + sharedVariance(alike(blocks, choices).length));
  const found = new Map<string, OverBest>();
  for (const [arm, values] of crossFitted(blocks, choices)) {
    const { value, low, high } = studentInterval(values);
    const interval = {
      value,
      low: value - (value - low) * widen,
      high: value + (high - value) * widen,
    };
    found.set(arm, { values, interval });
  }
  return found;
}

/** Choices that the data do not tell from the one that is fastest on average, itself among them. */
export function alike(blocks: Blocks, choices: readonly string[]): readonly string[] {
  const best = bestOverall(blocks, choices);
  if (best === undefined) return [];
  return choices.filter((arm) => {
    if (arm === best) return true;
    const differences = pairedDifferences(blocks, arm, best);
    if (differences.length < 2) return false;
    const error = deviation(differences) / Math.sqrt(differences.length);
    return mean(differences) <= ALIKE_ERRORS * error;
  });
}

/** Covariance of the halves' means as a share of the variance of either. @param k equally good widths */
function sharedVariance(k: number): number {
  if (k < 2) return 0;
  // Mean of the largest of k standard normals (Blom 1958).
  const largest = normalQuantile((k - 0.375) / (k + 0.25));
  return (largest ** 2 * k) / (2 * (k - 1) ** 2);
}
