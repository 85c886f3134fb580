import {
  type ElasticController,
  type ElasticOptions,
  elastic,
} from '../../src/concurrency/index.ts';
import { fixedPull, type PullResult, type PullRunOptions, runPull } from './pullRun.ts';
import { drawScenario, type PullScenario } from './pullScenario.ts';
import { seededRandom } from './random.ts';
import { drawWorkload, type Workload } from './workload.ts';

/** Widths of the exhaustive sweep. */
export const WIDTHS: readonly number[] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64];

/** The best that any fixed width does. */
export interface Oracle {
  readonly name: string;
  /** Mean makespan of the best width, in seconds. */
  readonly best: number;
  readonly bestWidth: number;
  /** The smallest width within 5 % of the best. */
  readonly enough: number;
}

export function workFor(scenario: PullScenario, seed: number): Workload {
  const work = drawWorkload(scenario.work, seededRandom(seed * 31 + 5));
  return scenario.scale === 1 ? work : work.map((size) => size * scenario.scale);
}

/** Mean makespan of each width over the seeds. */
export function sweepTimes(
  scenario: PullScenario,
  seeds: readonly number[],
  widths: readonly number[] = WIDTHS,
): number[] {
  const works = seeds.map((seed) => ({ seed, work: workFor(scenario, seed) }));
  return widths.map((width) =>
    mean(works.map((options) => runPull(scenario, fixedPull(width), options).makespan)),
  );
}

/** Runs every width on every seed. */
export function sweepFixed(scenario: PullScenario, seeds: readonly number[]): Oracle {
  return bestOf(scenario.name, sweepTimes(scenario, seeds));
}

export function bestOf(name: string, times: readonly number[]): Oracle {
  const best = Math.min(...times);
  return {
    name,
    best,
    bestWidth: WIDTHS[times.indexOf(best)] ?? 1,
    enough: WIDTHS[times.findIndex((time) => time <= best / 0.95)] ?? 1,
  };
}

export interface ElasticRun extends PullResult {
  readonly controller: ElasticController;
}

export function runElastic(
  scenario: PullScenario,
  seed: number,
  options: {
    readonly repeat?: number;
    readonly elastic?: Partial<ElasticOptions>;
    readonly rules?: Parameters<typeof elastic>[1];
    readonly run?: Partial<PullRunOptions>;
  } = {},
): ElasticRun {
  const random = seededRandom(1000 * (options.repeat ?? 0) + seed);
  const controller = elastic({ random, ...options.elastic }, options.rules);
  const work = workFor(scenario, seed);
  return { ...runPull(scenario, controller, { seed, work, ...options.run }), controller };
}

/** The scenarios of one seed: the same ones every time, none of them named. */
export function heldOut(seed: number, count: number): PullScenario[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) =>
    drawScenario(`random ${seed}/${index}`, random),
  );
}

/** Seconds until goodput over a second is 90 % of what the best fixed width averages. */
export function secondsToNinety(run: PullResult, best: number): number {
  const wanted = (0.9 * run.total) / best;
  let sum = 0;
  const recent: number[] = [];
  for (const { at, rate } of run.trace) {
    recent.push(rate);
    sum += rate;
    if (recent.length > 10) sum -= recent.shift() ?? 0;
    if (recent.length === 10 && sum / 10 >= wanted) return at;
  }
  return Number.POSITIVE_INFINITY;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
