import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { tune } from '../../../src/cli/schemas/documents.ts';
import {
  createRegistryServer,
  type Faults,
  type RegistryServer,
  seedImage,
} from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { openHostMemory } from '../../../src/transfer/index.ts';
import { parseResults } from '../../../src/tune/index.ts';
import { cli, temporaryDirectory } from '../support/cli.ts';

const LIMIT = { timeout: 60_000 };
/** Each connection gets this much, so that workers pay up to the number of layers. */
const SLOW: Faults = { rules: [{ on: { kind: 'blob' }, bytesPerSecond: 4_000_000 }] };

async function registry(
  t: TestContext,
  faults: Faults = SLOW,
): Promise<{ server: RegistryServer; cwd: string; image: string }> {
  const closing = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(t, () => closing.disposeAsync());
  const source = await openStore(path.join(cwd, 'source'));
  closing.defer(() => source.close());
  const layers = [1, 2, 3, 4].map((seed) => ({ size: 500_000, seed }));
  await seedImage(source, { name: 'localhost/app:1', layers });
  const server = await createRegistryServer({ store: source, faults });
  closing.defer(() => server.close());
  return { server, cwd, image: `${server.host}/app:1` };
}

const QUICK = ['--platform', 'linux/amd64', '--gap', '1ms', '--seed', '7', '--no-pictures'];

test(
  'tune pull measures a real registry in blocks and finds that workers pay',
  LIMIT,
  async (t) => {
    const { cwd, image } = await registry(t);
    const argv = ['tune', 'pull', image, ...QUICK, '--widths', '1,4,auto', '--serial'];
    const run = await cli([...argv, '--blocks', '4', '--out', 'out', '--json', '--apply'], {
      cwd,
      env: { XDG_STATE_HOME: path.join(cwd, 'state') },
    });
    assert.equal(run.exitCode, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assert.deepEqual(tune.parse(document), document);
    assert.equal(document.blocks, 4);
    const median = (id: string): number =>
      document.arms.find((arm: { id: string }) => arm.id === id).medianSeconds;
    assert.ok(median('1') > 1.2 * median('4'), run.stdout);
    assert.ok(median('serial') > 1.2 * median('4'), run.stdout);
    assert.ok(document.arms.some(({ id }: { id: string }) => id === 'auto'));
    assert.deepEqual((await readdir(path.join(cwd, 'out'))).toSorted(), [
      'report.html',
      'results.json',
      'runs.csv',
    ]);

    const results = parseResults(await readFile(path.join(cwd, 'out/results.json'), 'utf8'), 'r');
    assert.ok(results.runs.every(({ state, bytes = 0 }) => state !== 'ok' || bytes > 2_000_000));
    assert.equal(results.environment?.addressFamily, 'IPv4');
    assert.ok((results.environment?.rttMs ?? 0) > 0);
    assert.equal(results.images[0]?.layers.length, 4);

    const memory = await openHostMemory(path.join(cwd, 'state/longshore/hosts.json'));
    const host = image.split('/')[0] ?? '';
    const knee = memory.recall(host)?.width;
    assert.equal(
      knee,
      document.recommendation.certain ? document.recommendation.workers : undefined,
    );
  },
);

test(
  'Ctrl-C keeps what was measured, --resume goes on, and a third run must be asked for',
  LIMIT,
  async (t) => {
    const { cwd, image } = await registry(t);
    const argv = [
      'tune',
      'pull',
      image,
      ...QUICK,
      '--widths',
      '1,4',
      '--out',
      'out',
      '--blocks',
      '4',
    ];
    const signals = new EventEmitter();
    const first = await cli(argv, {
      cwd,
      signals,
      onStderr: (text) => {
        if (text.includes('block 2')) signals.emit('signal', 'SIGINT');
      },
    });
    assert.equal(first.exitCode, 130, first.stderr);
    assert.match(first.stderr, /To go on: longshore tune pull .*--resume/);
    const kept = parseResults(await readFile(path.join(cwd, 'out/results.json'), 'utf8'), 'r');
    assert.equal(kept.stopped, 'interrupted');

    const second = await cli([...argv, '--resume', '--json'], { cwd });
    assert.equal(second.exitCode, 0, second.stderr);
    assert.equal(JSON.parse(second.stdout).blocks, 4);
    const all = parseResults(await readFile(path.join(cwd, 'out/results.json'), 'utf8'), 'r');
    assert.deepEqual(all.runs.slice(0, kept.runs.length), kept.runs);

    const third = await cli(argv, { cwd });
    assert.equal(third.exitCode, 2);
    assert.match(third.stderr, /holds results already.*--resume/);
  },
);

test('a throttled run is marked, its block made again', LIMIT, async (t) => {
  const throttle = { on: { kind: 'blob', nth: 16 }, status: 429, retryAfter: 0 } as const;
  const { cwd, image } = await registry(t, { rules: [throttle] });
  const argv = [
    'tune',
    'pull',
    image,
    ...QUICK,
    '--widths',
    '1,4',
    '--out',
    'out',
    '--blocks',
    '4',
  ];
  const run = await cli([...argv, '--json'], { cwd });
  assert.equal(run.exitCode, 0, run.stderr);
  const { runs, voidBlocks } = parseResults(
    await readFile(path.join(cwd, 'out/results.json'), 'utf8'),
    'r',
  );
  const [throttled, ...more] = runs.filter(({ state }) => state === 'throttled');
  assert.equal(more.length, 0);
  assert.deepEqual(voidBlocks, [throttled?.block]);
  const { notes, blocks } = JSON.parse(run.stdout);
  assert.equal(blocks, 4);
  assert.ok(notes.some(({ kind }: { kind: string }) => kind === 'throttled'));
});

test('tune replay without a file gives the figures of the first sweep', async () => {
  const run = await cli(['tune', 'replay']);
  assert.equal(run.exitCode, 0, run.stderr);
  for (const figure of ['34.9 s', '38.3 s', 'p = 5.6e-6', '3.9 s longer', '2.6 to 5.1 s']) {
    assert.ok(run.stdout.includes(figure), run.stdout);
  }
});

test('tune replay says what is wrong with a file', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(path.join(cwd, 'a.csv'), 'workers,seconds\n1,fast\n');
  await writeFile(path.join(cwd, 'b.json'), '{"format":"longshore-tune","version":99}');
  await writeFile(path.join(cwd, 'c.json'), '{"format":"longshore-tune","version":1,"seed":"x"}');
  const said = await Promise.all(
    ['a.csv', 'b.json', 'c.json', 'none.csv'].map((file) => cli(['tune', 'replay', file], { cwd })),
  );
  assert.ok(
    said.every(({ exitCode }) => exitCode === 2),
    said.map((s) => s.stderr).join(),
  );
  assert.match(said[0]?.stderr ?? '', /a\.csv:2: seconds is "fast"/);
  assert.match(said[1]?.stderr ?? '', /another version \(format 99, here 1\)/);
  assert.match(said[2]?.stderr ?? '', /c\.json: /);
  assert.match(said[3]?.stderr ?? '', /Cannot read none\.csv: ENOENT/);
});

test('tune compare puts results side by side', async (t) => {
  const cwd = await temporaryDirectory(t);
  const rows = (knee: number): string =>
    [1, 2, 3, 4, 5]
      .flatMap((b) => [1, 2, 4, 8].map((w) => `${b},${w},${10 / Math.min(w, knee) + b / 50}`))
      .join('\n');
  for (const knee of [2, 8]) {
    await writeFile(path.join(cwd, `${knee}.csv`), `block,workers,seconds\n${rows(knee)}\n`);
  }
  const run = await cli(['tune', 'compare', '2.csv', '8.csv', '--out', 'both'], { cwd });
  assert.equal(run.exitCode, 0, run.stderr);
  assert.match(run.stdout, /1 2 +2 /);
  assert.match(run.stdout, /2 8 +8 /);
  assert.doesNotMatch(run.stdout, /All agree/);
  assert.deepEqual((await readdir(path.join(cwd, 'both'))).toSorted(), [
    'compare.png',
    'compare.svg',
    'compare.vl.json',
  ]);
});

test('mistakes in what to compare are told before anything is measured', async () => {
  for (const widths of ['0', '5-2', '1,,2', 'many', '1-9999', '3']) {
    const run = await cli(['tune', 'pull', 'localhost:1/app', '--widths', widths]);
    assert.equal(run.exitCode, 2, `${widths}: ${run.stderr}`);
  }
});
