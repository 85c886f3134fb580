import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CURVES, WITH_PARITY, WITHOUT_PARITY } from '../../../../bench/tune/cases.ts';
import { curveTrials, parityClaims, sweepClaims } from '../../../../bench/tune/trials.ts';
import { PLAIN } from '../sim/tuneWorld.ts';

// A fast cut of bench/tune/run.ts, whose 200 trials a world are in bench/results/tune/.
const TRIALS = 24;

test('no parity is claimed where there is only noise, drift or order', async () => {
  let claimed = 0;
  const worlds = Object.values(WITHOUT_PARITY);
  for (const world of worlds) claimed += await parityClaims(world, { trials: TRIALS });
  assert.ok(claimed / worlds.length <= 0.05, `${claimed / worlds.length}`);
});

test('a second in thirty-five is found', async () => {
  const world = WITH_PARITY['1 s, noise 2 %'];
  assert.ok(world !== undefined);
  const found = await parityClaims(world, { trials: TRIALS });
  assert.ok(found >= 0.85, `${found}`);
});

test('a rising sweep of one run each claims parity where only the order alternates', async () => {
  const world = WITHOUT_PARITY['order alternates by 3.9 s'];
  assert.ok(world !== undefined);
  assert.ok((await sweepClaims(world, { trials: 10 })) >= 0.9);
  assert.equal(await parityClaims(world, { trials: 10 }), 0);
});

test('the recommended width is within 5 % of the best, and intervals hold what they promise', async () => {
  let within = 0;
  let covered = 0;
  const worlds = Object.values(CURVES);
  for (const world of worlds) {
    const outcome = await curveTrials(world, { trials: 8, blocks: 8 });
    within += outcome.within / worlds.length;
    covered += outcome.coverageOfBase / worlds.length;
  }
  assert.ok(within >= 0.95, `${within}`);
  // About 500 intervals, in groups that share their base: wider than the 93 to 97 % of the full run.
  assert.ok(covered >= 0.9 && covered <= 0.99, `${covered}`);
});

test('in a noisy world an answer is rarely called certain, and then it holds', async () => {
  const { certain, withinWhenCertain } = await curveTrials(
    { ...PLAIN, noise: 0.2 },
    { trials: 20, blocks: 4 },
  );
  assert.ok(certain <= 0.1, `${certain}`);
  assert.equal(withinWhenCertain, 1);
});
