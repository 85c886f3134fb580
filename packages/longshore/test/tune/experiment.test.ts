import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../src/tune/analyse.ts';
import { type Measurement, runExperiment } from '../../src/tune/experiment.ts';
import type { Arm, TuneResults } from '../../src/tune/types.ts';
import { normal, seededRandom } from '../sim/random.ts';
import { emptyResults, PLAIN, simulate } from '../sim/tuneWorld.ts';

const WIDTHS = [1, 2, 4, 8];

/** Times that fall with workers, 1 % noise. */
function falling(seed = 1): (arm: Arm) => Promise<Measurement> {
  const random = seededRandom(seed);
  return async ({ workers }) => ({
    state: 'ok',
    seconds: (1 + 4 / Number(workers)) * Math.exp(0.01 * normal(random)),
  });
}

function wholeBlocks({ runs, voidBlocks }: TuneResults): Map<number, string[]> {
  const blocks = new Map<number, string[]>();
  for (const { block, arm } of runs) {
    if (block > 0 && !voidBlocks.includes(block)) {
      blocks.set(block, [...(blocks.get(block) ?? []), arm]);
    }
  }
  return blocks;
}

test('every block has every arm once, in orders that differ; the first pull of all is discarded', async () => {
  const results = await runExperiment(emptyResults(WIDTHS, 5), {
    measure: falling(),
    stopping: { minBlocks: 3, maxBlocks: 3 },
  });
  assert.equal(results.stopped, 'blocks');
  assert.equal(results.runs[0]?.state, 'warm-up');
  const blocks = [...wholeBlocks(results).values()];
  assert.equal(blocks.length, 3);
  for (const arms of blocks) assert.deepEqual(arms.toSorted(), ['1', '2', '2 again', '4', '8']);
  assert.ok(new Set(blocks.map((arms) => arms.join())).size > 1);
});

test('the same seed makes the same order', async () => {
  const orders = [1, 2].map(async () => {
    const stopping = { minBlocks: 4, maxBlocks: 4 };
    const { runs } = await runExperiment(emptyResults(WIDTHS, 77), {
      measure: falling(),
      stopping,
    });
    return runs.map(({ arm }) => arm);
  });
  const [first, second] = await Promise.all(orders);
  assert.deepEqual(first, second);
});

test('it stops when the answer is precise, not before five blocks', async () => {
  const results = await runExperiment(emptyResults(WIDTHS, 3), { measure: falling() });
  assert.equal(results.stopped, 'precise');
  const { recommendation, blocks } = analyse(results);
  assert.ok(blocks >= 5 && blocks < 12, `${blocks}`);
  assert.equal(recommendation?.workers, 8);
});

test('hopeless arms go after four blocks, the ends of the curve stay', async () => {
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    measure: falling(),
    stopping: { minBlocks: 7, maxBlocks: 7 },
  });
  assert.deepEqual(
    results.dropped.map(({ arm }) => arm),
    ['2', '4'],
  );
  const last = wholeBlocks(results).get(7) ?? [];
  assert.deepEqual(last.toSorted(), ['1', '2 again', '8']);
});

test('a block with a throttled run is void and made again, and its runs are never averaged in', async () => {
  const measure = falling();
  let runs = 0;
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    stopping: { minBlocks: 4, maxBlocks: 4 },
    measure: async (arm) => {
      runs += 1;
      if (runs === 4) return { state: 'throttled', seconds: 1000, problem: 'HTTP 429' };
      return measure(arm);
    },
  });
  assert.deepEqual(results.voidBlocks, [1]);
  const analysis = analyse(results);
  assert.equal(analysis.blocks, 4);
  assert.ok(analysis.arms.every(({ time, median }) => (time?.high ?? median) < 100));
  assert.ok(analysis.notes.some(({ kind }) => kind === 'throttled'));
});

test('an arm that always fails is given up, and the others are measured', async () => {
  const measure = falling();
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    stopping: { minBlocks: 4, maxBlocks: 4 },
    measure: async (arm) =>
      arm.id === '8' ? { state: 'failed', seconds: 1, problem: 'reset' } : measure(arm),
  });
  assert.equal(results.stopped, 'blocks');
  assert.deepEqual(results.dropped.map(({ arm }) => arm).slice(0, 1), ['8']);
  assert.equal(analyse(results).recommendation?.workers, 4);
});

test('a registry that fails always ends the experiment', async () => {
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    measure: async () => ({ state: 'failed', seconds: 1, problem: 'down' }),
  });
  assert.equal(results.stopped, 'failing');
  assert.equal(analyse(results).recommendation, undefined);
});

test('no block is begun that would go beyond the budget', async () => {
  let now = 0;
  const measure = falling();
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    now: () => now,
    budgetMs: 60_000,
    stopping: { maxBlocks: 50, precision: 0 },
    measure: async (arm) => {
      const run = await measure(arm);
      now += run.seconds * 1000;
      return run;
    },
  });
  assert.equal(results.stopped, 'budget');
  assert.ok(now <= 60_000, `${now}`);
  assert.ok(analyse(results).blocks >= 3);
});

test('where the budget is short, the slowest arms go, and the others are told apart', async () => {
  let now = 0;
  const measure = falling();
  const results = await runExperiment(emptyResults([1, 2, 3, 4, 6, 8], 3), {
    now: () => now,
    // A block of all takes 17 s; five of them are too many.
    budgetMs: 65_000,
    measure: async (arm) => {
      const run = await measure(arm);
      now += run.seconds * 1000;
      return run;
    },
  });
  assert.ok(now <= 65_000, `${now}`);
  const { blocks, recommendation, notes } = analyse(results);
  assert.ok(blocks >= 5, `${blocks} blocks, ${results.stopped}`);
  assert.equal(recommendation?.workers, 8);
  assert.ok(!results.dropped.some(({ arm }) => ['6', '8'].includes(arm)));
  assert.match(
    notes.find(({ kind }) => kind === 'dropped')?.text ?? '',
    /time budget is too short/,
  );
});

test('what was measured before an interruption is kept, and measuring goes on from there', async () => {
  const stop = new AbortController();
  const measure = falling();
  const interrupted = await runExperiment(emptyResults(WIDTHS, 3), {
    signal: stop.signal,
    measure,
    onRun: ({ order }) => {
      if (order === 13) stop.abort();
    },
  });
  assert.equal(interrupted.stopped, 'interrupted');
  assert.equal(interrupted.runs.length, 13);
  assert.equal(analyse(interrupted).blocks, 2);
  const results = await runExperiment(interrupted, {
    measure,
    stopping: { minBlocks: 5, maxBlocks: 5 },
  });
  assert.deepEqual(results.runs.slice(0, 13), interrupted.runs);
  assert.equal(results.runs.filter(({ state }) => state === 'warm-up').length, 1);
  assert.equal(analyse(results).blocks, 5);
});

test('as published: rising, one run each, and it blames parity for the order', async () => {
  const widths = Array.from({ length: 20 }, (_, i) => i + 1);
  // One worker fills the link: no slope hides the effect.
  const world = { ...PLAIN, perConnection: 24, alternation: 3.9, noise: 0.01 };
  const results = await simulate(world, { widths, seed: 4, design: 'as-published' });
  const counted = results.runs.filter(({ state }) => state === 'ok');
  assert.deepEqual(
    counted.map(({ arm }) => Number(arm)),
    widths,
  );
  const { sweep, notes } = analyse(results);
  assert.ok((sweep?.parity?.permutation.p ?? 1) < 0.01);
  assert.ok(notes.some(({ kind }) => kind === 'parity-is-order'));
});

test('it warns of a first pull that was slower: something on the way caches', async () => {
  const measure = falling();
  let first = true;
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    stopping: { minBlocks: 4, maxBlocks: 4 },
    measure: async (arm) => {
      const run = await measure(arm);
      const seconds = first ? run.seconds * 3 : run.seconds;
      first = false;
      return { ...run, seconds };
    },
  });
  assert.ok(analyse(results).notes.some(({ kind }) => kind === 'warming'));
});

test('an image that is too small is said to be too small', async () => {
  const measure = falling();
  const results = await runExperiment(emptyResults(WIDTHS, 3), {
    stopping: { minBlocks: 4, maxBlocks: 4 },
    measure: async (arm) => {
      const run = await measure(arm);
      return { ...run, seconds: run.seconds / 50 };
    },
  });
  assert.ok(analyse(results).notes.some(({ kind }) => kind === 'too-small'));
});
