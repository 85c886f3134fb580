import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  nextWidth,
  type ProbeResult,
  startProbe,
  takeGoodput,
} from '../../src/concurrency/elasticProbe.ts';
import { normal, seededRandom } from '../sim/random.ts';

const RULES = { worthElasticity: 0.12, confidence: 1, minPairs: 2, maxPairs: 5, plainLoss: 0.3 };

const alone = (goodput: number) => ({ own: goodput, total: goodput });

/** Runs a probe from 8 on a path whose goodput grows with this elasticity. */
function probe(
  direction: 1 | -1,
  path: { readonly elasticity: number; readonly noise: number; readonly seed: number },
): ProbeResult {
  const random = seededRandom(path.seed);
  const started = startProbe(direction, 8, { step: 1.5, most: 64 });
  assert.ok(started);
  for (let window = 0; window < 100; window += 1) {
    const width = nextWidth(started, random);
    const result = takeGoodput(
      started,
      alone(1e6 * width ** path.elasticity * Math.exp(path.noise * normal(random))),
      RULES,
    );
    if (result !== undefined) return result;
  }
  return assert.fail('a probe that never ends');
}

test('a probe ends within five pairs and measures the elasticity', () => {
  const anyPath = fc.record({
    elasticity: fc.double({ min: -1, max: 1, noNaN: true }),
    noise: fc.double({ min: 0, max: 0.3, noNaN: true }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(anyPath, fc.constantFrom<1 | -1>(1, -1), (path, direction) => {
      const result = probe(direction, path);
      assert.ok(result.pairs <= 5);
      const steep = Math.abs(result.elasticity) * Math.log(result.high / result.low) > 0.3;
      const plain = direction < 0 && result.elasticity < 0 && steep;
      assert.ok(result.pairs >= 2 || !result.accept || plain, 'one pair seldom changes the width');
      assert.ok(result.low < result.high);
      assert.ok(Math.abs(result.elasticity - path.elasticity) < 0.01 + 20 * path.noise);
    }),
  );
});

test('on a quiet path more flows are taken where they pay and given back where they do not', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    assert.equal(probe(1, { elasticity: 0.9, noise: 0.02, seed }).accept, true);
    assert.equal(probe(1, { elasticity: 0, noise: 0.02, seed }).accept, false);
    assert.equal(probe(-1, { elasticity: 0, noise: 0.01, seed }).accept, true);
    assert.equal(probe(-1, { elasticity: 0.9, noise: 0.02, seed }).accept, false);
  }
});

test('a width that plainly costs goodput is left after one pair', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { accept, pairs } = probe(-1, { elasticity: -1.5, noise: 0.02, seed });
    assert.deepEqual([accept, pairs], [true, 1]);
    assert.equal(probe(1, { elasticity: -1.5, noise: 0.02, seed }).accept, false);
  }
});

test('the order within a pair is random, and both widths are tried', () => {
  const random = seededRandom(3);
  const started = startProbe(1, 4, { step: 1.5, most: 64 });
  assert.ok(started);
  const firsts = new Set<number>();
  for (let pair = 0; pair < 20; pair += 1) {
    const first = nextWidth(started, random);
    takeGoodput(started, alone(1), { ...RULES, maxPairs: 99, minPairs: 99 });
    const second = nextWidth(started, random);
    takeGoodput(started, alone(1), { ...RULES, maxPairs: 99, minPairs: 99 });
    assert.deepEqual(
      [first, second].sort((a, b) => a - b),
      [4, 6],
    );
    firsts.add(first);
  }
  assert.equal(firsts.size, 2);
});

test('below one and above the most there is nothing to probe', () => {
  assert.equal(startProbe(1, 8, { step: 1.5, most: 8 }), undefined);
  assert.equal(startProbe(1, 8, { step: 1.5, most: 9 })?.high, 9);
  assert.equal(startProbe(-1, 1, { step: 1.5, most: 64 }), undefined);
  assert.deepEqual(
    [startProbe(1, 1, { step: 1.25, most: 64 }), startProbe(-1, 2, { step: 1.25, most: 64 })].map(
      (p) => [p?.low, p?.high],
    ),
    [
      [1, 2],
      [1, 2],
    ],
  );
});

test('a gain that was taken from another origin is none', () => {
  const random = seededRandom(5);
  const started = startProbe(1, 4, { step: 1.5, most: 64 });
  assert.ok(started);
  for (let window = 0; window < 10; window += 1) {
    const width = nextWidth(started, random);
    const result = takeGoodput(started, { own: 1e6 * width, total: 20e6 }, RULES);
    if (result === undefined) continue;
    assert.equal(result.accept, false);
    assert.ok(Math.abs(result.elasticity) < 0.01);
    return;
  }
  assert.fail('undecided');
});

test('the gain of a small origin beside a large one is judged by its own size', () => {
  const random = seededRandom(6);
  const started = startProbe(1, 4, { step: 1.5, most: 64 });
  assert.ok(started);
  for (let window = 0; window < 10; window += 1) {
    const width = nextWidth(started, random);
    const result = takeGoodput(started, { own: 1e6 * width, total: 100e6 + 1e6 * width }, RULES);
    if (result !== undefined) return assert.equal(result.accept, true);
  }
  return assert.fail('undecided');
});
