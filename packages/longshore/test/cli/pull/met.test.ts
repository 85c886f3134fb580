import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { schemas } from '../../../src/cli/schemas/jsonSchema.ts';
import { createRegistryServer, type Faults, seedImage } from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { cli, temporaryDirectory } from '../support/cli.ts';

const MB = 1_000_000;
const BLOBS = { kind: ['blob', 'content'] } as const;
const capped = (more: Faults['rules'] = []): Faults => ({
  rules: [{ on: BLOBS, bytesPerSecond: 6 * MB }, ...more],
});

/** What a registry may do wrong, what the report calls it, and what the last lines say of it. */
const CASES: readonly (readonly [name: string, faults: Faults, met: string, says: RegExp])[] = [
  ['refuses ranges', capped([{ on: BLOBS, range: 'refuse' }]), 'rangesRefused', /ranges? refused/],
  ['ignores ranges', capped([{ on: BLOBS, range: 'ignore' }]), 'rangesIgnored', /ranges? ignored/],
  [
    'starts ranges elsewhere',
    capped([{ on: BLOBS, range: 'other-offset' }]),
    'rangesWrong',
    /ranges? answered wrongly/,
  ],
  [
    'tells other totals',
    capped([{ on: BLOBS, range: 'other-total' }]),
    'rangesWrong',
    /ranges? answered wrongly/,
  ],
  [
    'answers in many parts',
    capped([{ on: BLOBS, range: 'multipart' }]),
    'rangesWrong',
    /ranges? answered wrongly/,
  ],
  [
    'hands out addresses that expire',
    {
      rules: [
        { on: { kind: 'blob' }, redirect: {} },
        { on: { kind: 'content' }, bytesPerSecond: 6 * MB },
        { on: { kind: 'content', every: 3 }, status: 403 },
      ],
    },
    'addressesRefused',
    /signed address(es)? refused, asked for anew/,
  ],
  [
    'resets what is above two connections',
    capped([{ on: BLOBS, crowd: { above: 2, effect: 'reset' } }]),
    'turnedAway',
    /connections? closed before an answer/,
  ],
  [
    'refuses, and lies about when to come again',
    capped([{ on: { kind: 'blob', nth: 3 }, status: 429, retryAfter: '-5' }]),
    'refusals',
    /requests? refused for lack of room/,
  ],
];

describe('a pull from a registry that', { timeout: 60_000, concurrency: 4 }, () => {
  for (const [name, faults, met, says] of CASES) {
    test(`${name}: all comes, and the last lines and the report say what was met`, async (t) => {
      const { host, cwd } = await quay(t, faults);
      const report = path.join(cwd, 'report.json');
      const argv = ['pull', `${host}/app:1`, '--store', path.join(cwd, 'store')];
      const { exitCode, stderr } = await cli([...argv, '--report', report], { cwd });
      assert.equal(exitCode, 0, stderr);
      const line = stderr.split('\n').find((text) => text.startsWith('Met at '));
      assert.match(line ?? stderr, says);
      const document = JSON.parse(await readFile(report, 'utf8'));
      schemas.get('report')?.parse(document);
      assert.ok(document.settled[0].met[met] >= 1, JSON.stringify(document.settled));
    });
  }

  test('does all as it should: nothing is said to be met', async (t) => {
    const { host, cwd } = await quay(t, capped());
    const argv = ['pull', `${host}/app:1`, '--store', path.join(cwd, 'store'), '--json'];
    const { exitCode, stdout, stderr } = await cli(argv, { cwd });
    assert.equal(exitCode, 0);
    assert.doesNotMatch(stderr, /Met at/);
    assert.equal(JSON.parse(stdout).settled[0].met, undefined);
  });

  test('hands out addresses that are never good: it says so, and does not ask for long', async (t) => {
    const { host, cwd, server } = await quay(t, {
      rules: [
        { on: { kind: 'blob' }, redirect: {} },
        { on: { kind: 'content' }, status: 403 },
      ],
    });
    const argv = ['pull', `${host}/app:1`, '--store', path.join(cwd, 'store')];
    const { exitCode, stderr } = await cli(argv, { cwd });
    assert.equal(exitCode, 1);
    assert.match(stderr, /does not accept the address that 127\.0\.0\.1:\d+ gave for blob/);
    assert.match(stderr, /Signed addresses expire/);
    assert.ok((server.stats.requestsByKind.content ?? 0) <= 20);
  });
});

async function quay(t: Parameters<typeof temporaryDirectory>[0], faults: Faults) {
  const closing = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(t, () => closing.disposeAsync());
  const source = await openStore(path.join(cwd, 'source'));
  await seedImage(source, {
    name: 'localhost/app:1',
    layers: [{ size: 5 * MB }, { size: 50_000 }],
  });
  const server = await createRegistryServer({ store: source, faults });
  closing.defer(() => source.close());
  closing.defer(() => server.close());
  return { host: server.host, server, cwd };
}
