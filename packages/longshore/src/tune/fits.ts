import { studentQuantile } from './stats/distributions.ts';
import type { Estimate } from './stats/intervals.ts';
import { invert } from './stats/leastSquares.ts';
import { minimise } from './stats/minimise.ts';
import { mean } from './stats/moments.ts';

export type ModelName = 'constant' | 'capped-linear' | 'amdahl' | 'usl';

/** One model of throughput over workers, fitted. */
export interface Fit {
  readonly model: ModelName;
  readonly parameters: Readonly<Record<string, number>>;
  /** Akaike's criterion, corrected for small samples (Hurvich and Tsai 1989); less is better. */
  readonly aicc: number;
  /** Relative throughput (1 / seconds) at a width. */
  readonly at: (workers: number) => number;
}

export interface Fits {
  readonly fits: readonly Fit[];
  /** The one to believe: least AICc, and at least 2 less than every simpler one. */
  readonly chosen?: ModelName;
  /** The width of most throughput, by the USL; only where retrograde scaling is shown. */
  readonly peak?: number;
  /** Coefficients of the USL with their intervals: contention and crosstalk. */
  readonly usl?: { readonly contention: Estimate; readonly crosstalk: Estimate };
}

interface Point {
  readonly workers: number;
  /** Logarithm of 1 / seconds. */
  readonly value: number;
}

interface Model {
  readonly name: ModelName;
  readonly start: readonly number[];
  /** Parameters are searched on a free scale; here they become what they mean. */
  readonly read: (free: readonly number[]) => Readonly<Record<string, number>>;
  readonly log: (p: Readonly<Record<string, number>>, n: number) => number;
}

/** Fewer levels cannot tell these models apart. */
const MIN_LEVELS = 6;

/** Universal Scalability Law: Gunther 2007, equation 4.31; Amdahl's law is crosstalk 0. */
function scaling(p: Readonly<Record<string, number>>, n: number): number {
  const { rate = 1, contention = 0, crosstalk = 0 } = p;
  return Math.log((rate * n) / (1 + contention * (n - 1) + crosstalk * n * (n - 1)));
}

const MODELS: readonly Model[] = [
  {
    name: 'constant',
    start: [0],
    read: ([level = 0]) => ({ rate: Math.exp(level) }),
    log: ({ rate = 1 }) => Math.log(rate),
  },
  {
    name: 'capped-linear',
    start: [0, 1],
    read: ([rate = 0, cap = 0]) => ({ rate: Math.exp(rate), cap: Math.exp(rate + Math.abs(cap)) }),
    log: ({ rate = 1, cap = 1 }, n) => Math.log(Math.min(rate * n, cap)),
  },
  {
    name: 'amdahl',
    start: [0, 0.7],
    read: ([rate = 0, root = 0]) => ({ rate: Math.exp(rate), contention: root ** 2 }),
    log: scaling,
  },
  {
    name: 'usl',
    start: [0, 0.7, 0.05],
    read: ([rate = 0, root = 0, cross = 0]) => ({
      rate: Math.exp(rate),
      contention: root ** 2,
      crosstalk: cross ** 2,
    }),
    log: scaling,
  },
];

/**
 * Fits models of scaling to times over workers, by least squares on logarithms. `undefined` for
 * fewer than six widths.
 */
export function fitScaling(
  times: readonly { readonly workers: number; readonly seconds: number }[],
): Fits | undefined {
  if (new Set(times.map(({ workers }) => workers)).size < MIN_LEVELS) return undefined;
  const points = times.map(({ workers, seconds }) => ({ workers, value: -Math.log(seconds) }));
  const fits = MODELS.map((model) => fitModel(model, points));
  const chosen = choose(fits);
  const usl = uslIntervals(points, fits.find(({ model }) => model === 'usl')?.parameters ?? {});
  const shown = usl !== undefined && usl.crosstalk.low > 0 && usl.contention.value < 1;
  const peak = shown ? Math.sqrt((1 - usl.contention.value) / usl.crosstalk.value) : undefined;
  return {
    fits,
    ...(chosen === undefined ? {} : { chosen }),
    ...(peak === undefined ? {} : { peak }),
    ...(usl === undefined ? {} : { usl }),
  };
}

function fitModel(model: Model, points: readonly Point[]): Fit {
  const offset = mean(points.map(({ value }) => value));
  const first = mean(points.filter(({ workers }) => workers === 1).map(({ value }) => value));
  const level = Number.isNaN(first) ? offset - 1 : first;
  const loss = (free: readonly number[]): number => {
    const parameters = model.read(free);
    return points.reduce((t, p) => t + (p.value - model.log(parameters, p.workers)) ** 2, 0);
  };
  // A capped line has corners; one start finds the wrong one.
  const rest = model.start.slice(1);
  const found = [level, offset - 1, offset]
    .map((begin) => minimise(loss, [begin].concat(rest)))
    .toSorted((a, b) => loss(a) - loss(b));
  const free = found[0] ?? model.start;
  const parameters = model.read(free);
  const n = points.length;
  const k = free.length + 1;
  const aicc =
    n * Math.log(Math.max(loss(free), 1e-12) / n) + 2 * k + (2 * k * (k + 1)) / (n - k - 1);
  return { model: model.name, parameters, aicc, at: (w) => Math.exp(model.log(parameters, w)) };
}

/** Two units of AICc are the least that counts as support (Burnham and Anderson 2002, 2.6). */
function choose(fits: readonly Fit[]): ModelName | undefined {
  const ranked = fits.toSorted((a, b) => a.aicc - b.aicc);
  const [best, next] = ranked;
  if (best === undefined || next === undefined) return undefined;
  return next.aicc - best.aicc >= 2 ? best.model : undefined;
}

/** Intervals from the curvature at the optimum (Gauss and Newton), Student's quantile. */
function uslIntervals(
  points: readonly Point[],
  { rate = 1, contention = 0, crosstalk = 0 }: Readonly<Record<string, number>>,
): Fits['usl'] {
  const rows = points.map(({ workers: n }) => {
    const below = 1 + contention * (n - 1) + crosstalk * n * (n - 1);
    return [1, -(n - 1) / below, (-n * (n - 1)) / below];
  });
  const square = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => rows.reduce((t, row) => t + (row[i] ?? 0) * (row[j] ?? 0), 0)),
  );
  const inverse = invert(square);
  const degrees = points.length - 3;
  if (inverse === undefined || degrees < 1) return undefined;
  const parameters = { rate, contention, crosstalk };
  const loss = points.reduce((t, p) => t + (p.value - scaling(parameters, p.workers)) ** 2, 0);
  const reach = studentQuantile(0.975, degrees);
  const around = (value: number, i: number): Estimate => {
    const error = Math.sqrt(Math.max(0, (inverse[i]?.[i] ?? 0) * (loss / degrees)));
    return { value, low: Math.max(0, value - reach * error), high: value + reach * error };
  };
  return { contention: around(contention, 1), crosstalk: around(crosstalk, 2) };
}
