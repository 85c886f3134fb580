import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom, shuffled } from '../../src/tune/random.ts';
import {
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../src/tune/stats/distributions.ts';
import { bcaInterval, studentInterval } from '../../src/tune/stats/intervals.ts';
import { leastSquares } from '../../src/tune/stats/leastSquares.ts';
import { minimise } from '../../src/tune/stats/minimise.ts';
import { mean, median, quantile } from '../../src/tune/stats/moments.ts';
import { exactPermutation, signFlip } from '../../src/tune/stats/permutation.ts';
import { normal, seededRandom as simulated } from '../sim/random.ts';

function near(actual: number, wanted: number, within: number): void {
  assert.ok(Math.abs(actual - wanted) <= within, `${actual} is not ${wanted} within ${within}`);
}

test("Student's and the normal distribution have the values of printed tables", () => {
  near(studentQuantile(0.975, 1), 12.7062, 1e-4);
  near(studentQuantile(0.975, 8), 2.306004, 1e-6);
  near(studentQuantile(0.95, 30), 1.697261, 1e-6);
  near(studentCdf(-2, 5), 0.0509697, 1e-7);
  near(normalQuantile(0.975), 1.959964, 1e-5);
  near(normalCdf(-1), 0.1586553, 1e-6);
});

test('quantiles interpolate between neighbours', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(quantile([1, 2, 3, 4, 5], 0.25), 2);
});

test('the exact permutation test counts as listing all labellings does', () => {
  const value = fc.integer({ min: 0, max: 400 }).map((n) => n / 100);
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 5 }),
      fc.array(value, { minLength: 1, maxLength: 6 }),
      (group, rest) => {
        const { p, labellings } = exactPermutation(group, rest);
        const listed = listLabellings(group, rest);
        assert.equal(labellings, listed.labellings);
        near(p, listed.p, 1e-12);
      },
    ),
  );
});

function listLabellings(
  group: readonly number[],
  rest: readonly number[],
): { p: number; labellings: number } {
  const all = [...group, ...rest].map((v) => Math.round(v * 100));
  const total = all.reduce((a, b) => a + b, 0);
  const centre = (group.length * total) / all.length;
  const seen = Math.abs(all.slice(0, group.length).reduce((a, b) => a + b, 0) - centre);
  let labellings = 0;
  let extreme = 0;
  for (let mask = 0; mask < 2 ** all.length; mask += 1) {
    const chosen = all.filter((_, i) => (mask >> i) % 2 === 1);
    if (chosen.length !== group.length) continue;
    labellings += 1;
    const sum = chosen.reduce((a, b) => a + b, 0);
    if (Math.abs(sum - centre) >= seen - 1e-9) extreme += 1;
  }
  return { p: extreme / labellings, labellings };
}

test('sign flips: all of one sign is two of all ways', () => {
  assert.deepEqual(signFlip([1, 2, 3]), { p: 2 / 8, labellings: 8 });
  assert.equal(signFlip([]), undefined);
});

test("Student's interval covers 95 % of the time with five values; the bootstrap does not", () => {
  const random = simulated(11);
  const drawn = seededRandom(5);
  let student = 0;
  let bootstrap = 0;
  const trials = 400;
  for (let trial = 0; trial < trials; trial += 1) {
    const values = Array.from({ length: 5 }, () => normal(random));
    const s = studentInterval(values);
    const b = bcaInterval(values, mean, { random: drawn, resamples: 200 });
    if (s.low <= 0 && s.high >= 0) student += 1;
    if (b.low <= 0 && b.high >= 0) bootstrap += 1;
  }
  near(student / trials, 0.95, 0.03);
  assert.ok(bootstrap / trials > 0.7 && bootstrap < student, `${bootstrap / trials}`);
});

test('the bootstrap of many values agrees with theory', () => {
  const random = simulated(3);
  const values = Array.from({ length: 400 }, () => Math.exp(normal(random)));
  const b = bcaInterval(values, mean, { random: seededRandom(1) });
  const s = studentInterval(values);
  near(b.low / s.low, 1, 0.05);
  near(b.high / s.high, 1, 0.05);
});

test('least squares finds the line that made the data, and refuses columns that repeat', () => {
  const rows = [0, 1, 2, 3, 4].map((x) => [1, x]);
  const fit = leastSquares(
    rows,
    rows.map(([, x = 0]) => 2 + 3 * x),
  );
  near(fit?.coefficients[0] ?? 0, 2, 1e-9);
  near(fit?.coefficients[1] ?? 0, 3, 1e-9);
  assert.equal(
    leastSquares(
      rows.map(([, x = 0]) => [x, 2 * x]),
      [1, 2, 3, 4, 5],
    ),
    undefined,
  );
});

test("the simplex finds the bottom of Rosenbrock's valley", () => {
  const [x = 0, y = 0] = minimise(
    ([a = 0, b = 0]) => (1 - a) ** 2 + 100 * (b - a * a) ** 2,
    [-1, 1],
  );
  near(x, 1, 0.02);
  near(y, 1, 0.04);
});

test('shuffling gives every order equally often, and the same for the same seed', () => {
  assert.deepEqual(
    shuffled([1, 2, 3, 4], seededRandom(9)),
    shuffled([1, 2, 3, 4], seededRandom(9)),
  );
  const random = seededRandom(1);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i += 1) {
    const order = shuffled([1, 2, 3], random).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) near(count, 1000, 130);
});
