import { isChoice, isTwin, twinOf } from './arms.ts';
import { type LayerBound, layerBound } from './bounds.ts';
import { type Fits, fitScaling } from './fits.ts';
import { findNotes, type Note } from './notes.ts';
import { type NoiseFloor, noiseFloor, type OrderEffects, orderEffects } from './order.ts';
import { overBest } from './overBest.ts';
import { type ParityTest, testParity } from './parity.ts';
import { type Random, seededRandom } from './random.ts';
import { type Blocks, pairedDifferences, toBlocks } from './ratios.ts';
import { type Recommendation, recommend, toRatio } from './recommend.ts';
import { bcaInterval, type Estimate, studentInterval } from './stats/intervals.ts';
import { mean, median } from './stats/moments.ts';
import { readSweep, type SweepReading } from './sweep.ts';
import type { Arm, Observation, TuneResults } from './types.ts';

/** What is known about one arm. */
export interface ArmSummary {
  readonly arm: Arm;
  readonly runs: number;
  /** Seconds. */
  readonly median: number;
  /** Geometric mean with its interval, in seconds; for two runs and more. */
  readonly time?: Estimate;
  /** Paired, over the best width (chosen in the other half of the blocks). */
  readonly overBest?: Estimate;
  /** The same by the bootstrap (BCa), beside it. */
  readonly overBestBootstrap?: Estimate;
  /** Paired, over the base: serial where it was measured, else one worker. */
  readonly overBase?: Estimate;
  /** How often it is recommended when blocks are drawn anew; 0 to 1. */
  readonly winShare?: number;
}

/** Everything that the numbers say, and what they do not. */
export interface Analysis {
  readonly verb: TuneResults['verb'];
  readonly blocks: number;
  readonly runs: number;
  readonly arms: readonly ArmSummary[];
  readonly base?: string;
  readonly recommendation?: Recommendation;
  /** For one run of each width, read as it is. */
  readonly sweep?: SweepReading;
  readonly bound?: LayerBound;
  readonly fits?: Fits;
  readonly parity?: ParityTest;
  readonly order?: OrderEffects;
  readonly noise?: NoiseFloor;
  readonly notes: readonly Note[];
}

export interface AnalyseOptions {
  /** Resamples of every bootstrap. @defaultValue 2000 */
  readonly resamples?: number;
  /** Reshuffles of the parity test. @defaultValue 4000 */
  readonly rounds?: number;
}

/** The runs that count: measured whole, in blocks that are not void. */
export function observationsOf({ runs, voidBlocks }: TuneResults): readonly Observation[] {
  return runs.filter(({ state, block }) => state === 'ok' && !voidBlocks.includes(block));
}

/**
 * Analyses an experiment. Pure: the same results give the same analysis, as the random numbers come
 * from the seed of the experiment.
 */
export function analyse(results: TuneResults, options: AnalyseOptions = {}): Analysis {
  const observations = observationsOf(results);
  const random = seededRandom(results.seed);
  const blocks = toBlocks(observations);
  const widths = results.arms
    .filter(isChoice)
    .map(({ workers }) => workers)
    .filter((width) => observations.some(({ arm }) => arm === String(width)));
  const recommendation = recommend(blocks, widths, { random, ...options });
  const base = ['serial', '1'].find((id) => observations.some(({ arm }) => arm === id));
  const arms = summarise(results.arms, {
    observations,
    blocks,
    base,
    recommendation,
    widths,
    random,
    options,
  });
  const partial = {
    verb: results.verb,
    blocks: blocks.size,
    runs: observations.length,
    arms,
    ...optional('base', base),
    ...optional('recommendation', recommendation),
    ...optional('sweep', oneRunEach(observations, widths)),
    ...optional('bound', layerBound(results.images)),
    ...optional('fits', fitScaling(typicalTimes(arms))),
    ...optional(
      'parity',
      testParity(blocks, { widths, order: orderOf(observations), random, ...options }),
    ),
    ...optional('order', orderEffects(observations)),
    ...optional('noise', noiseOf(results.arms, blocks)),
  };
  return { ...partial, notes: findNotes(results, partial) };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: Value });
}

function summarise(
  arms: readonly Arm[],
  known: {
    readonly observations: readonly Observation[];
    readonly blocks: Blocks;
    readonly base: string | undefined;
    readonly recommendation: Recommendation | undefined;
    readonly widths: readonly number[];
    readonly random: Random;
    readonly options: AnalyseOptions;
  },
): readonly ArmSummary[] {
  const { observations, blocks, base, recommendation, random, options } = known;
  const ratios = overBest(blocks, known.widths.map(String));
  return arms.flatMap((arm) => {
    const seconds = observations.filter((o) => o.arm === arm.id).map((o) => o.seconds);
    if (seconds.length === 0) return [];
    const over = ratios.get(arm.id);
    const overBase = base === undefined ? [] : pairedDifferences(blocks, arm.id, base);
    const bootstrap = { random, resamples: options.resamples ?? 2000 };
    return [
      {
        arm,
        runs: seconds.length,
        median: median(seconds),
        ...(seconds.length < 2 ? {} : { time: toRatio(studentInterval(seconds.map(Math.log))) }),
        ...(over === undefined || over.values.length < 2
          ? {}
          : {
              overBest: toRatio(over.interval),
              overBestBootstrap: toRatio(bcaInterval(over.values, mean, bootstrap)),
            }),
        ...(overBase.length < 2 ? {} : { overBase: toRatio(studentInterval(overBase)) }),
        ...(recommendation === undefined || !isChoice(arm)
          ? {}
          : { winShare: recommendation.winShares.get(arm.id) ?? 0 }),
      },
    ];
  });
}

/** One point a width, so that widths with more runs do not pull the curve. */
function typicalTimes(
  arms: readonly ArmSummary[],
): readonly { readonly workers: number; readonly seconds: number }[] {
  return arms.flatMap(({ arm, median: seconds }) =>
    isChoice(arm) ? [{ workers: arm.workers, seconds }] : [],
  );
}

function oneRunEach(
  observations: readonly Observation[],
  widths: readonly number[],
): SweepReading | undefined {
  const points = observations.flatMap(({ arm, seconds, order }) => {
    const workers = Number(arm);
    return widths.includes(workers) ? [{ workers, seconds, order }] : [];
  });
  return points.length === widths.length && points.length >= 2 ? readSweep(points) : undefined;
}

function orderOf(observations: readonly Observation[]): (block: number, width: number) => number {
  const places = new Map(observations.map(({ block, arm, order }) => [`${block} ${arm}`, order]));
  return (block, width) => places.get(`${block} ${width}`) ?? 0;
}

function noiseOf(arms: readonly Arm[], blocks: Blocks): NoiseFloor | undefined {
  const twin = arms.find(isTwin);
  if (twin === undefined) return undefined;
  return noiseFloor(twinOf(twin), pairedDifferences(blocks, twin.id, twinOf(twin)));
}
