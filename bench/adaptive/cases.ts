import { fixedPull, runPull } from '../../packages/longshore/test/sim/pullRun.ts';
import {
  IMAGE_536,
  LAYER_200,
  PULL_SCENARIOS,
} from '../../packages/longshore/test/sim/pullScenario.ts';
import { mean, runElastic, workFor } from '../../packages/longshore/test/sim/sweep.ts';

const SEEDS = [1, 2, 3, 4, 5];

/** Issue 4: whole-layer streams against the controller with stealing, 20 MB/s per connection. */
export function measureFatLayers() {
  return [LAYER_200, IMAGE_536].map((scenario) => {
    const whole = [1, 3, 4, 6].map((width) => {
      const options = { seed: 1, work: workFor(scenario, 1), step: 0.01, steal: 'never' } as const;
      return [String(width), runPull(scenario, fixedPull(width), options).makespan] as const;
    });
    const runs = SEEDS.map((seed) => runElastic(scenario, seed, { run: { step: 0.01 } }));
    const often = SEEDS.map((seed) =>
      runElastic(scenario, seed, { run: { step: 0.01, sampleEvery: 0.05 } }),
    );
    return {
      name: scenario.name,
      wholeLayers: Object.fromEntries(whole),
      sampledEvery100ms: mean(runs.map(({ makespan }) => makespan)),
      sampledEvery50ms: mean(often.map(({ makespan }) => makespan)),
      requests: mean(runs.map(({ requests }) => requests)),
    };
  });
}

/** A registry that answers 429 above so many flows: refusals before it is left in peace. */
export function measureRefusals() {
  const base = PULL_SCENARIOS.find(({ name }) => name === '429 above 8');
  if (base === undefined) return [];
  return [1, 2, 3, 4, 6, 8, 11, 12, 16, 24, 32].map((limit) => {
    const scenario = { ...base, server: { kind: '429', limit, retryAfterSeconds: 2 } as const };
    const runs = SEEDS.map((seed) => runElastic(scenario, seed));
    return {
      limit,
      firstRefusals: Math.max(...runs.map(({ firstBurst }) => firstBurst)),
      refusals: mean(runs.map(({ refusals }) => refusals)),
      requests: mean(runs.map(({ requests }) => requests)),
    };
  });
}

/** What flows above the target may do, when the controller narrows. */
export function measureShrinking(seeds: readonly number[]) {
  return (['close', 'pause', 'drain'] as const).map((shrink) => {
    const times = PULL_SCENARIOS.map((scenario) => ({
      name: scenario.name,
      makespan: mean(seeds.map((seed) => runElastic(scenario, seed, { run: { shrink } }).makespan)),
    }));
    return { shrink, times };
  });
}
