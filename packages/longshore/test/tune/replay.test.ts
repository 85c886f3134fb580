import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../src/tune/analyse.ts';
import { AUTHOR_SWEEP } from '../../src/tune/authorSweep.ts';
import { formatCsv, parseSweep } from '../../src/tune/csv.ts';
import { terminalChart } from '../../src/tune/report/chart.ts';
import { findings } from '../../src/tune/report/text.ts';
import { parseResults } from '../../src/tune/resultsFile.ts';

const analysis = analyse(parseSweep(AUTHOR_SWEEP, 'author'));

test("the first author's numbers give the published figures", () => {
  const { sweep } = analysis;
  assert.equal(sweep?.runs, 25);
  assert.deepEqual(sweep.fastest, { workers: 5, seconds: 34.18 });
  assert.deepEqual(sweep.smallestWithin, { workers: 3, seconds: 34.41 });
  assert.equal(sweep.gainOverOne?.toFixed(2), '1.19');
  const { parity } = sweep;
  assert.equal(parity?.odd.mean.toFixed(1), '34.9');
  assert.equal(parity.odd.runs, 10);
  assert.equal(parity.even.mean.toFixed(1), '38.3');
  assert.equal(parity.even.runs, 14);
  assert.equal(parity.permutation.p.toExponential(1), '5.6e-6');
  assert.equal(parity.permutation.labellings, 1_961_256);
  const { value, low, high } = parity.pairs.difference;
  assert.deepEqual(
    [value, low, high].map((x) => x.toFixed(1)),
    ['3.9', '2.6', '5.1'],
  );
  assert.equal(parity.signFlip?.p.toFixed(4), '0.0039');
  assert.deepEqual(parity.local, { same: 18, of: 18 });
  assert.equal(parity.beyond?.mean.toFixed(1), '38.1');
  assert.equal(parity.beyond.deviation.toFixed(1), '0.3');
});

test('it says that order explains parity as well, and recommends nothing from one run each', () => {
  assert.equal(analysis.recommendation, undefined);
  const kinds = analysis.notes.map(({ kind }) => kind);
  assert.ok(kinds.includes('parity-is-order') && kinds.includes('one-run-each'), kinds.join());
});

test('no model of scaling is called the right one', () => {
  const { fits } = analysis;
  assert.equal(fits?.chosen, undefined);
  assert.equal(fits?.peak, undefined);
  const aicc = Object.fromEntries(fits?.fits.map((fit) => [fit.model, fit.aicc.toFixed(1)]) ?? []);
  assert.equal(aicc['constant'], '-138.2');
  assert.equal(aicc['usl'], '-137.9');
});

test('words and chart carry the figures', () => {
  const text = findings(analysis).join('\n');
  for (const figure of ['34.9 s', '38.3 s', '5.6e-6', '3.9 s', '2.6 to 5.1', '3 workers']) {
    assert.ok(text.includes(figure), figure);
  }
  const chart = terminalChart(analysis, 60).split('\n');
  assert.equal(chart.length, 27);
  assert.ok(chart.every((line) => line.length <= 62));
});

test('what is written as CSV is read back', () => {
  const results = parseSweep(AUTHOR_SWEEP, 'author');
  assert.deepEqual(
    parseSweep(formatCsv(results), 'again').runs.map(({ seconds }) => seconds),
    results.runs.map(({ seconds }) => seconds),
  );
});

test('what a spreadsheet writes is read: semicolons or tabs, decimal commas, quotes', () => {
  for (const text of [
    'workers;seconds\n2;3,5',
    'Workers\tSeconds\n2\t3.5',
    '"workers","seconds"\n"2","3.5"',
  ]) {
    const [run] = parseSweep(text, 'x').runs;
    assert.deepEqual([run?.arm, run?.seconds], ['2', 3.5], text);
  }
});

test('results that contradict themselves are refused', () => {
  const good = parseSweep('workers,seconds\n1,3\n2,2', 'x');
  const [first] = good.runs;
  assert.ok(first !== undefined);
  assert.deepEqual(parseResults(JSON.stringify(good), 'r'), good);
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ runs: [{ ...first, arm: '9' }] }, /r: runs\.0: there is no arm "9"/],
    [{ runs: [first, first] }, /r: runs\.1: block 1 has two runs of "1"/],
    [{ runs: [{ ...first, seconds: 0 }] }, /took no time/],
    [{ arms: [...good.arms, ...good.arms] }, /twice/],
    [{ verb: 'build' }, /r: verb/],
  ];
  for (const [change, reason] of cases) {
    assert.throws(() => parseResults(JSON.stringify({ ...good, ...change }), 'r'), reason);
  }
});

test('repeated widths without blocks become blocks', () => {
  const rows = [1, 2, 3, 4].flatMap((block) => [`1,${10 + block / 10}`, `2,${5 + block / 20}`]);
  const { recommendation, blocks } = analyse(
    parseSweep(`workers,seconds\n${rows.join('\n')}`, 'x'),
  );
  assert.equal(blocks, 4);
  assert.equal(recommendation?.workers, 2);
  assert.equal(recommendation.certain, true);
});

const BROKEN: readonly (readonly [string, RegExp])[] = [
  ['', /no columns/],
  ['<html>', /no columns/],
  ['workers,seconds', /no rows/],
  ['workers,seconds\n1,', /x:2: seconds/],
  ['workers,seconds\n1,-3', /x:2: seconds/],
  ['workers,seconds\n1,1\ntwo,3', /x:3: workers/],
  ['workers,seconds\n0,3', /x:2: workers/],
  ['workers,seconds,block\n1,3,1.5', /x:2: block/],
  ['workers,seconds,state\n1,3,fine', /x:2: state/],
  ['workers,seconds\n1,"3,5"', /x:2: seconds is "3,5"/],
  ['block,workers,seconds\n1,4,3\n1,8,2\n1,4,3', /x:4: block 1 has two runs of 4/],
  ['w\0o\0r\0k\0', /no text/],
];

for (const [text, reason] of BROKEN) {
  test(`a CSV that is none is refused: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseSweep(text, 'x'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_TUNE_CSV');
        assert.match(error.message, reason);
        return true;
      },
    );
  });
}
