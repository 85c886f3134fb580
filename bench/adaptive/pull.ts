import type { PullRunOptions } from '../../packages/longshore/test/sim/pullRun.ts';
import {
  PULL_SCENARIOS,
  type PullScenario,
} from '../../packages/longshore/test/sim/pullScenario.ts';
import {
  bestOf,
  heldOut,
  mean,
  type Oracle,
  runElastic,
  secondsToNinety,
  sweepTimes,
  WIDTHS,
} from '../../packages/longshore/test/sim/sweep.ts';
import { findOracles, ORACLE_SEEDS } from './oracles.ts';

/** One scenario: what the best fixed width does, and what the controller does. Seconds. */
export interface PullRow extends Oracle {
  readonly makespan: number;
  /** Of each repeat: mean makespan over the seeds. */
  readonly repeats: readonly number[];
  readonly efficiency: number;
  readonly flows: number;
  readonly inTime: boolean;
  readonly narrow: boolean;
  readonly toNinety: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** Efficiency of widths that a person might set; of the named scenarios. */
  readonly fixed?: Readonly<Record<string, number>> | undefined;
}

export interface PullSummary {
  readonly scenarios: number;
  readonly efficiency: number;
  readonly tenth: number;
  readonly worst: number;
  readonly inTime: number;
  /** Connections over the smallest width that is enough, geometric mean. */
  readonly connections: number;
}

const SET_BY_HAND = [3, 6, 16, 32];

export function measure(
  scenario: PullScenario,
  options: {
    readonly seeds: readonly number[];
    readonly repeats: number;
    readonly oracle: Oracle;
    readonly fixed?: PullRow['fixed'];
    readonly run?: Partial<PullRunOptions>;
  },
): PullRow {
  const { oracle } = options;
  const limit = oracle.best / 0.95 + 3;
  const most = Math.max(10, 2.25 * oracle.enough);
  const verdicts: Record<string, number> = {};
  const repeats = Array.from({ length: options.repeats }, (_, repeat) =>
    options.seeds.map((seed) =>
      runElastic(scenario, seed, {
        repeat,
        ...(options.run === undefined ? {} : { run: options.run }),
      }),
    ),
  );
  const all = repeats.flat();
  for (const { controller } of all) {
    const { bound } = controller.verdict();
    verdicts[bound] = (verdicts[bound] ?? 0) + 1;
  }
  const means = repeats.map((runs) => mean(runs.map(({ makespan }) => makespan)));
  const widths = repeats.map((runs) => mean(runs.map(({ averageFlows }) => averageFlows)));
  const since = scenario.steps.find(({ at, factor }) => at > 0 && factor >= 1)?.at ?? 0;
  const ninety = all.map((run) => secondsToNinety(run, oracle.best) - since);
  ninety.sort((a, b) => a - b);
  return {
    ...oracle,
    makespan: mean(means),
    repeats: means,
    efficiency: oracle.best / mean(means),
    flows: mean(widths),
    inTime: means.every((time) => time <= limit),
    narrow: widths.every((width) => width <= most),
    toNinety: ninety[ninety.length >> 1] ?? Number.POSITIVE_INFINITY,
    verdicts,
    ...(options.fixed === undefined ? {} : { fixed: options.fixed }),
  };
}

export function summarise(rows: readonly PullRow[]): PullSummary {
  const sorted = rows.map(({ efficiency }) => efficiency).sort((a, b) => a - b);
  return {
    scenarios: rows.length,
    efficiency: mean(sorted),
    tenth: sorted[Math.floor(sorted.length / 10)] ?? 0,
    worst: sorted[0] ?? 0,
    inTime: mean(rows.map(({ inTime }) => (inTime ? 1 : 0))),
    connections: Math.exp(mean(rows.map(({ flows, enough }) => Math.log(flows / enough)))),
  };
}

export function measureNamed(seeds: readonly number[], repeats: number): PullRow[] {
  return PULL_SCENARIOS.map((scenario) => {
    const times = sweepTimes(scenario, seeds);
    const oracle = bestOf(scenario.name, times);
    const fixed = SET_BY_HAND.map((width) => {
      const time = times[WIDTHS.indexOf(width)] ?? Number.POSITIVE_INFINITY;
      return [String(width), oracle.best / time] as const;
    });
    return measure(scenario, { seeds, repeats, oracle, fixed: Object.fromEntries(fixed) });
  });
}

export function measureRandom(seed: number, count: number): PullRow[] {
  const scenarios = heldOut(seed, count);
  const oracles = findOracles(scenarios);
  return scenarios.flatMap((scenario, index) => {
    const oracle = oracles[index];
    return oracle === undefined
      ? []
      : [measure(scenario, { seeds: ORACLE_SEEDS, repeats: 1, oracle })];
  });
}
