import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { findOracle, HELD_OUT, NAMED_SEEDS, readOracles } from '../sim/oracles.ts';
import { fixedPull, runPull } from '../sim/pullRun.ts';
import { IMAGE_536, LAYER_200, PULL_SCENARIOS } from '../sim/pullScenario.ts';
import { heldOut, mean, runElastic, secondsToNinety, workFor } from '../sim/sweep.ts';

// G1 to G3 of issue 4 on few seeds; bench/adaptive runs them in full.
const oracles = readOracles();
const BOUNDED = { timeout: 60_000 };

test('the oracle on file is the one this simulator gives', BOUNDED, () => {
  const name = 'link 100';
  const scenario = PULL_SCENARIOS.find((candidate) => candidate.name === name);
  assert.ok(scenario);
  const { best, bestWidth } = findOracle(oracles.named, name);
  const times = NAMED_SEEDS.map(
    (seed) =>
      runPull(scenario, fixedPull(bestWidth), { seed, work: workFor(scenario, seed) }).makespan,
  );
  assert.ok(Math.abs(mean(times) - best) < 0.01, 'run node bench/adaptive/oracle.ts');
});

describe('the named matrix', BOUNDED, () => {
  const wide: number[] = [];
  for (const scenario of PULL_SCENARIOS) {
    it(scenario.name, () => {
      const oracle = findOracle(oracles.named, scenario.name);
      const runs = NAMED_SEEDS.map((seed) => runElastic(scenario, seed));
      const makespan = mean(runs.map((run) => run.makespan));
      const flows = mean(runs.map((run) => run.averageFlows));
      wide.push(Math.log(flows / oracle.enough));
      const limit = oracle.best / 0.95 + 3;
      assert.ok(makespan <= limit, `${makespan.toFixed(1)} s, at most ${limit.toFixed(1)} s`);
      const most = Math.max(10, 2.25 * oracle.enough);
      assert.ok(flows <= most, `${flows.toFixed(1)} flows, at most ${most}`);
      const changes = scenario.steps.filter(({ at }) => at > 0);
      const since = changes.find(({ factor }) => factor >= 1)?.at ?? 0;
      const times = runs.map((run) => secondsToNinety(run, oracle.best) - since);
      times.sort((a, b) => a - b);
      // A link that noise or a step keeps below its average for seconds is nobody's fault.
      const slow = mean(times.slice(1, -1));
      assert.ok(slow <= 7, `${slow.toFixed(1)} s to 90 % of the best`);
    });
  }

  it('needs few connections: on average at most 1.5 times the smallest width that is enough', () => {
    assert.equal(wide.length, PULL_SCENARIOS.length);
    assert.ok(Math.exp(mean(wide)) <= 1.5, Math.exp(mean(wide)).toFixed(2));
  });
});

test('random scenarios besides the named ones', BOUNDED, () => {
  const results = heldOut(HELD_OUT.seed, HELD_OUT.count).map((scenario) => {
    const { best, enough } = findOracle(oracles.heldOut, scenario.name);
    const runs = HELD_OUT.runs.map((seed) => runElastic(scenario, seed));
    const makespan = mean(runs.map((run) => run.makespan));
    return {
      name: scenario.name,
      efficiency: best / makespan,
      inTime: makespan <= best / 0.95 + 3,
      wide: Math.log(mean(runs.map((run) => run.averageFlows)) / enough),
    };
  });
  const efficiency = mean(results.map((result) => result.efficiency));
  const inTime = mean(results.map((result) => (result.inTime ? 1 : 0)));
  const worst = results.reduce((a, b) => (b.efficiency < a.efficiency ? b : a));
  assert.ok(efficiency >= 0.95, `mean efficiency ${efficiency.toFixed(3)}`);
  assert.ok(inTime >= 0.9, `${(100 * inTime).toFixed(0)} % in time`);
  assert.ok(worst.efficiency >= 0.78, `${worst.name}: ${worst.efficiency.toFixed(3)}`);
  const wide = Math.exp(mean(results.map((result) => result.wide)));
  assert.ok(wide <= 1.5, `${wide.toFixed(2)} times the connections needed`);
});

// Over real sockets a process starts first and asks for a manifest: 0.4 s are left for that.
test('one layer of 200 MB at 20 MB/s per connection takes 1.27 s and less', BOUNDED, () => {
  for (const seed of [1, 2, 3]) {
    const run = runElastic(LAYER_200, seed, { run: { step: 0.01 } });
    assert.ok(run.makespan <= 1.27, `${run.makespan.toFixed(2)} s, seed ${seed}`);
  }
});

test('the 536 MB image comes four times faster than over six whole-layer streams', BOUNDED, () => {
  for (const seed of [1, 2, 3]) {
    const options = { seed, work: workFor(IMAGE_536, seed), step: 0.01, steal: 'never' } as const;
    const rival = runPull(IMAGE_536, fixedPull(6), options).makespan;
    const own = runElastic(IMAGE_536, seed, { run: { step: 0.01 } }).makespan;
    assert.ok(own + 0.4 <= rival / 4, `${own.toFixed(2)} s against ${rival.toFixed(2)} s`);
  }
});
