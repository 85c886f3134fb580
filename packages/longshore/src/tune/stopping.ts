import { isChoice } from './arms.ts';
import { overBest } from './overBest.ts';
import { seededRandom } from './random.ts';
import { toBlocks } from './ratios.ts';
import { recommend } from './recommend.ts';
import type { Arm, Observation } from './types.ts';

export interface StoppingRules {
  /** @defaultValue 5 */
  readonly minBlocks: number;
  /** @defaultValue 20 */
  readonly maxBlocks: number;
  /** Half-width of the interval of a width's time over the best that is narrow enough. @defaultValue 0.025 */
  readonly precision: number;
}

export const STOPPING: StoppingRules = { minBlocks: 5, maxBlocks: 20, precision: 0.025 };

/** Blocks after which hopeless arms go. */
const DROP_AFTER = 4;
/** An arm is hopeless when it is surely this much slower than the best. */
const HOPELESS = 1.25;

/**
 * Enough is known: the answer is certain, it and its neighbours are known to the precision asked for,
 * and the last two blocks have not changed it. It looks at widths of intervals and never
 * at p-values, so stopping does not make effects out of noise.
 */
export function isPreciseEnough(
  observations: readonly Observation[],
  arms: readonly Arm[],
  rules: StoppingRules,
): boolean {
  const blocks = [...new Set(observations.map(({ block }) => block))].toSorted((a, b) => a - b);
  if (blocks.length < rules.minBlocks) return false;
  const widths = widthsOf(arms);
  const answers = [0, 1, 2].map((fewer) => {
    const kept = new Set(blocks.slice(0, blocks.length - fewer));
    const seen = observations.filter(({ block }) => kept.has(block));
    return recommend(toBlocks(seen), widths, { random: seededRandom(1), resamples: 0 });
  });
  const [answer] = answers;
  const winner = answer?.workers;
  if (winner === undefined || answer?.certain !== true) return false;
  if (answers.some((other) => other?.workers !== winner)) return false;
  const place = widths.indexOf(winner);
  const near = [widths[place - 1], winner, widths[place + 1]].map(String);
  const ratios = overBest(toBlocks(observations), widths.map(String));
  return near.every((arm) => {
    const ratio = ratios.get(arm);
    // Only widths that are still measured can become more precise.
    if (ratio === undefined || ratio.values.length < blocks.length) return true;
    const { low, high } = ratio.interval;
    return (high - low) / 2 <= rules.precision;
  });
}

/**
 * Arms that are surely far slower than the best: measuring them further buys nothing. The fewest and
 * the most workers stay, as the ends of the curve; so do `auto`, serial and the twins.
 */
export function hopelessArms(
  observations: readonly Observation[],
  arms: readonly Arm[],
): readonly Arm[] {
  const blocks = toBlocks(observations);
  if (blocks.size < DROP_AFTER) return [];
  const widths = widthsOf(arms);
  const ratios = overBest(blocks, widths.map(String));
  const ends = new Set([widths[0], widths.at(-1)]);
  return arms.filter((arm) => {
    if (!isChoice(arm) || ends.has(arm.workers)) return false;
    const ratio = ratios.get(arm.id);
    if (ratio === undefined || ratio.values.length < DROP_AFTER) return false;
    return ratio.interval.low > Math.log(HOPELESS);
  });
}

function widthsOf(arms: readonly Arm[]): number[] {
  return arms
    .filter(isChoice)
    .map(({ workers }) => workers)
    .toSorted((a, b) => a - b);
}
