import { studentQuantile } from './stats/distributions.ts';
import { type Estimate, studentInterval } from './stats/intervals.ts';
import { leastSquares } from './stats/leastSquares.ts';
import { mean } from './stats/moments.ts';
import type { Observation } from './types.ts';

/** What the place of a run in the sequence did to it. */
export interface OrderEffects {
  /** Time from the first run to the last, as a ratio: 1.1 says that things became 10 % slower. */
  readonly drift: Estimate;
  /** Runs at even places over those at odd places. */
  readonly alternation: Estimate;
}

/**
 * Drift over the whole experiment and alternation from run to run, arms taken out, by regression with
 * the order random within blocks. `undefined` for too few runs.
 */
export function orderEffects(observations: readonly Observation[]): OrderEffects | undefined {
  const arms = [...new Set(observations.map(({ arm }) => arm))];
  if (observations.length < arms.length + 6) return undefined;
  const orders = observations.map(({ order }) => order);
  const span = Math.max(...orders) - Math.min(...orders);
  if (span <= 0) return undefined;
  const middle = mean(orders);
  const rows = observations.map(({ arm, order }) => [
    (order - middle) / span,
    order % 2 === 0 ? 0.5 : -0.5,
    ...arms.map((name) => (name === arm ? 1 : 0)),
  ]);
  const fit = leastSquares(
    rows,
    observations.map(({ seconds }) => Math.log(seconds)),
  );
  if (fit === undefined || fit.degrees < 3) return undefined;
  const reach = studentQuantile(0.975, fit.degrees);
  const at = (i: number): Estimate => {
    const value = fit.coefficients[i] ?? 0;
    const error = fit.errors[i] ?? 0;
    return {
      value: Math.exp(value),
      low: Math.exp(value - reach * error),
      high: Math.exp(value + reach * error),
    };
  };
  return { drift: at(0), alternation: at(1) };
}

/** The noise floor: one width measured twice in each block. */
export interface NoiseFloor {
  readonly arm: string;
  /** The second over the first; 1 lies within unless something is wrong with the measuring. */
  readonly ratio: Estimate;
  /** Coefficient of variation of a single run. */
  readonly variation: number;
}

/** @param differences logarithm of the second over the first, one a block */
export function noiseFloor(arm: string, differences: readonly number[]): NoiseFloor | undefined {
  if (differences.length < 2) return undefined;
  const { value, low, high } = studentInterval(differences);
  const spread = mean(differences.map((d) => (d - value) ** 2));
  return {
    arm,
    ratio: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) },
    variation: Math.sqrt(spread / 2),
  };
}
