import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fixedPull, runPull } from '../../packages/longshore/test/sim/pullRun.ts';
import type { PullScenario } from '../../packages/longshore/test/sim/pullScenario.ts';
import {
  bestOf,
  mean,
  type Oracle,
  WIDTHS,
  workFor,
} from '../../packages/longshore/test/sim/sweep.ts';

export const ORACLE_SEEDS: readonly number[] = [1, 2];

/** Widths that are often near the best go first, so that the others need not run to their end. */
const ORDER = [16, 8, 4, 32, 64, 2, 24, 12, 6, 48, 40, 20, 10, 5, 3, 1];
/** A width that takes so much longer than the best of the same seed is out of the question. */
const HOPELESS = 1.5;

const file = new URL('../results/adaptive/oracles.json', import.meta.url);

/**
 * The best fixed width of random scenarios. A sweep of them takes minutes, so what was found is kept in
 * `bench/results/adaptive/oracles.json`; take the file away when the simulated world changes.
 */
export function findOracles(scenarios: readonly PullScenario[]): readonly Oracle[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '{}';
  const known = JSON.parse(text) as Record<string, Omit<Oracle, 'name'>>;
  const found = scenarios.map((scenario): Oracle => {
    const { name } = scenario;
    const kept = known[name];
    return kept === undefined ? sweep(scenario) : { name, ...kept };
  });
  for (const { name, ...oracle } of found) known[name] = oracle;
  const lines = Object.entries(known).map(
    ([name, oracle]) => `${JSON.stringify(name)}: ${JSON.stringify(oracle)}`,
  );
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
  return found;
}

function sweep(scenario: PullScenario): Oracle {
  const runs = ORACLE_SEEDS.map((seed) => ({ seed, work: workFor(scenario, seed), best: 2000 }));
  const times = new Map<number, number>();
  for (const width of ORDER) {
    const makespans = runs.map((run) => {
      const options = { ...run, mostSeconds: HOPELESS * run.best };
      const { makespan } = runPull(scenario, fixedPull(width), options);
      run.best = Math.min(run.best, makespan);
      return makespan;
    });
    times.set(width, mean(makespans));
  }
  const best = bestOf(
    scenario.name,
    WIDTHS.map((width) => times.get(width) ?? Number.POSITIVE_INFINITY),
  );
  return { ...best, best: Number(best.best.toFixed(3)) };
}
