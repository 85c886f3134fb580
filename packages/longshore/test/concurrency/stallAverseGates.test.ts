import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stallAverse } from '../../src/concurrency/index.ts';
import { fixedPush, type PushResult, runPush } from '../sim/pushRun.ts';
import { HUNDRED_IMAGES, PUSH_SCENARIOS, type PushScenario } from '../sim/pushWorld.ts';
import { seededRandom } from '../sim/random.ts';
import { mean } from '../sim/sweep.ts';

// G4 of issue 4 and the three registries of issue 5 on few seeds; bench/adaptive runs them in full.
const SEEDS = [1, 2, 3, 4, 5];
const BOUNDED = { timeout: 60_000 };

function runAll(scenario: PushScenario, step: number) {
  const fixed = [1, 2, 3, 4, 5, 6, 8, 12].map((width) =>
    SEEDS.map((seed) => runPush(scenario, fixedPush(width), { seed, step })),
  );
  const times = fixed.map((runs) => mean(runs.map(({ makespan }) => makespan)));
  const own: PushResult[] = SEEDS.map((seed) =>
    runPush(scenario, stallAverse({ random: seededRandom(seed) }), { seed, step }),
  );
  const stalledFive = mean(fixed[4]?.map(({ stalledSeconds }) => stalledSeconds) ?? []);
  const makespan = mean(own.map((run) => run.makespan));
  return { own, makespan, best: Math.min(...times), stalledFive };
}

describe('push scenarios', BOUNDED, () => {
  for (const scenario of PUSH_SCENARIOS) {
    it(scenario.name, () => {
      const { own, makespan, best, stalledFive } = runAll(scenario, 0.1);
      assert.ok(best / makespan >= 0.85, `efficiency ${(best / makespan).toFixed(3)}`);
      for (const run of own) {
        assert.equal(run.finished, scenario.uploads);
        assert.equal(run.falseCancels, 0);
        assert.ok(run.longestSilence <= 15, `${run.longestSilence.toFixed(1)} s of silence`);
        assert.ok(run.wasted <= 0.02);
      }
      if (scenario.registry.kind !== 'freeze') return;
      const stalled = mean(own.map(({ stalledSeconds }) => stalledSeconds));
      assert.ok(
        stalled <= 0.05 * stalledFive,
        `${stalled.toFixed(1)} s of ${stalledFive.toFixed(0)}`,
      );
    });
  }
});

describe('a hundred images', BOUNDED, () => {
  for (const scenario of HUNDRED_IMAGES) {
    it(scenario.name, () => {
      const { own, makespan, best } = runAll(scenario, 0.05);
      const ratio = makespan / best;
      assert.ok(ratio <= 1.18, `${ratio.toFixed(3)} times the best fixed width`);
      for (const run of own) {
        assert.equal(run.finished, 100);
        assert.equal(run.falseCancels, 0);
        assert.ok(run.longestSilence <= 15);
        assert.ok(run.refusals <= 2, `${run.refusals} refusals`);
      }
    });
  }
});
