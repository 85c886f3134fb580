import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../src/tune/analyse.ts';
import { makeArms } from '../../src/tune/arms.ts';
import { type Measurement, runExperiment } from '../../src/tune/experiment.ts';
import type { Arm, TuneResults } from '../../src/tune/types.ts';
import { normal, seededRandom } from '../sim/random.ts';
import { emptyResults } from '../sim/tuneWorld.ts';

const WIDTHS = [1, 2, 3, 4, 6, 8, 12, 16];

/** A registry that refuses more than so many at once; the rest pays up to that number. */
function refusingAbove(most: number, random: () => number): (arm: Arm) => Promise<Measurement> {
  return async ({ workers }) =>
    workers !== 'auto' && workers > most
      ? { state: 'throttled', seconds: 0.1, problem: 'HTTP 429', retryAfterMs: 1 }
      : { state: 'ok', seconds: (1 + 4 / Number(workers)) * Math.exp(0.01 * normal(random)) };
}

test('what the registry refuses at any width is given up soon, and the rest is measured', async () => {
  for (const most of [1, 2, 3, 6, 12]) {
    for (let seed = 1; seed <= 10; seed += 1) {
      const results = await runExperiment(emptyResults(WIDTHS, seed), {
        measure: refusingAbove(most, seededRandom(seed)),
        stopping: { minBlocks: 4, maxBlocks: 4 },
      });
      const told = `above ${most}, seed ${seed}: ${results.stopped}`;
      // With a single width left there is nothing to compare.
      assert.equal(results.stopped, most === 1 ? 'failing' : 'blocks', told);
      const wide = WIDTHS.filter((width) => width > most).map(String);
      const dropped = new Set(results.dropped.map(({ arm }) => arm));
      assert.ok(
        wide.every((arm) => dropped.has(arm)),
        told,
      );
      assert.ok(results.voidBlocks.length <= 10, `${told}: ${results.voidBlocks.length} void`);
      if (most > 1) assert.equal(analyse(results).recommendation?.workers, most, told);
    }
  }
});

test('a registry that throttles now and then, whatever the width, costs no arm', async () => {
  const random = seededRandom(5);
  const quick = refusingAbove(99, random);
  let runs = 0;
  const results = await runExperiment(emptyResults(WIDTHS, 4), {
    stopping: { minBlocks: 5, maxBlocks: 5 },
    measure: async (arm) => {
      runs += 1;
      return runs % 17 === 0 ? { state: 'throttled', seconds: 0.1, retryAfterMs: 1 } : quick(arm);
    },
  });
  assert.equal(results.stopped, 'blocks');
  assert.deepEqual(
    results.dropped.filter(({ why }) => why.includes('throttle')),
    [],
  );
  assert.ok(results.voidBlocks.length > 0);
});

test('an outage in mid-experiment ends it, and what was measured before is kept', async () => {
  const random = seededRandom(5);
  const quick = refusingAbove(99, random);
  let runs = 0;
  const results = await runExperiment(emptyResults(WIDTHS, 4), {
    measure: async (arm) => {
      runs += 1;
      return runs > 60 ? { state: 'failed', seconds: 1, problem: 'ECONNREFUSED' } : quick(arm);
    },
    stopping: { minBlocks: 20, maxBlocks: 20 },
  });
  assert.equal(results.stopped, 'failing');
  assert.ok(runs < 100, `${runs} runs`);
  assert.ok(analyse(results).blocks >= 5);
});

test('the first run of all is tried again with the least, and not for ever', async () => {
  const seen: string[] = [];
  const results = await runExperiment(emptyResults(WIDTHS, 4), {
    measure: async (arm) => {
      seen.push(arm.id);
      return { state: 'cached', seconds: 1, problem: 'it was there' };
    },
  });
  assert.equal(results.stopped, 'failing');
  assert.deepEqual(seen, ['6', '1', '1']);
  const kinds = analyse(results).notes.map(({ kind }) => kind);
  assert.ok(kinds.includes('cached') && !kinds.includes('too-small'), kinds.join());
});

test('results of pushes speak of pushers', () => {
  const arms = makeArms({ widths: [1, 2], auto: false, serial: false, twin: false });
  const runs = [1, 2, 3, 4].flatMap((block) =>
    arms.map(({ id, workers }) => ({
      order: 2 * block + Number(workers),
      block,
      arm: id,
      seconds: 10 / Number(workers) + block / 100,
      state: 'ok' as const,
      left: ['host/app-tune-1'],
    })),
  );
  const results: TuneResults = { ...emptyResults([1, 2], 1), verb: 'push', arms, runs };
  const { notes, verb } = analyse(results);
  assert.equal(verb, 'push');
  assert.match(notes.find(({ kind }) => kind === 'left')?.text ?? '', /stays in .* and 5 more/);
});
