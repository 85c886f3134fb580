import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainFailures } from '../../../src/cli/build/failures.ts';
import { junitXml } from '../../../src/cli/build/junit.ts';
import { appendStepSummary, stepSummary } from '../../../src/cli/build/stepSummary.ts';
import { digestOf } from '../../../src/image/index.ts';
import {
  countStates,
  type RunResult,
  type TargetEntry,
  type TargetReport,
} from '../../../src/run/index.ts';

const digest = digestOf(Buffer.from('image'));

function report(target: string, more: Partial<TargetReport>): TargetReport {
  return { target, state: 'pushed', newBytes: 0, tags: [], log: `/logs/${target}.log`, ...more };
}

function resultOf(targets: readonly TargetReport[]): RunResult {
  const entries: readonly TargetEntry[] = targets;
  return {
    run: '20260101-000000-abcd',
    outcome: 'failed',
    targets,
    counts: countStates(new Map(entries.map((entry) => [entry.target, entry]))),
    sentBytes: 0,
    milliseconds: 61_234,
    settled: [],
  };
}

const MIXED = resultOf([
  report('good', { image: { mediaType: 'm', digest, size: 1 }, buildMs: 1500 }),
  report('bad', {
    state: 'failed-build',
    error: { code: 'ERR_BUILD_FAILED', message: 'RUN "a" < b && c\u0007 failed | again' },
  }),
  report('child', { state: 'skipped', because: 'bad' }),
]);

test('JUnit XML has a case for each image, and holds whatever a message has', () => {
  const xml = junitXml(MIXED);
  assert.match(
    xml,
    /<testsuite name="[^"]+" tests="3" failures="1" errors="0" skipped="1" time="61.234">/,
  );
  assert.match(xml, /<testcase classname="images" name="good" time="1.500"\/>/);
  assert.match(xml, /message="RUN &quot;a&quot; &lt; b &amp;&amp; c failed \| again"/);
  assert.match(xml, /<skipped message="built from bad, which has failed"\/>/);
});

test('the step summary is a table with what went wrong first', () => {
  const lines = stepSummary(MIXED).split('\n');
  assert.equal(lines[0], '### longshore build: 1 pushed, 1 failed to build, 1 skipped in 1m01s');
  assert.match(
    lines[4] ?? '',
    /^\| bad \| failed-build \| RUN "a" \\< b \\&\\& c\S* failed \\\| again \|$/,
  );
  assert.equal(lines[5], '| child | skipped | bad has failed |');
  assert.equal(lines[6], `| good | pushed | ${digest} |`);
});

test('a step summary is added to what is there, and cut where GitHub would not show it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-summary-'));
  try {
    const file = join(folder, 'summary.md');
    await writeFile(file, 'before\n');
    const many = Array.from({ length: 600 }, (_, i) => report(`app${i}`, {}));
    await appendStepSummary(file, resultOf(many));
    const text = await readFile(file, 'utf8');
    assert.ok(text.startsWith('before\n### longshore build: 600 pushed'));
    assert.match(text, /\n\| and 100 more \| \| \|\n/);
    await assert.rejects(appendStepSummary(join(folder, 'no/where'), MIXED), {
      code: 'ERR_REPORT',
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('failures come with the end of their output, without the lines of the program itself', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-logs-'));
  try {
    const log = join(folder, 'bad.log');
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
    await writeFile(log, `# 2026 bad with x\n${lines.join('\n')}\n# 2026 RUN failed\n`);
    const error = { code: 'ERR_BUILD_FAILED', message: 'RUN failed\nline 4999' };
    const told = await explainFailures(
      resultOf([
        report('bad', { state: 'failed-build', error, log }),
        report('gone', { state: 'failed-push', error: { code: 'E', message: 'refused' } }),
        report('child', { state: 'skipped', because: 'bad' }),
      ]),
    );
    assert.equal(told[0], 'build of bad: RUN failed');
    assert.equal(told.filter((line) => line.startsWith('  | line ')).length, 20);
    assert.equal(told[20], '  | line 4999');
    assert.deepEqual(told.slice(21), [
      `  whole log: ${log}`,
      'push of gone: refused',
      'skipped, as bad failed: child',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
