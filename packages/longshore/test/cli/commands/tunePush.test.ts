import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { tune } from '../../../src/cli/schemas/documents.ts';
import { findPlaces } from '../../../src/cli/settings/places.ts';
import { applyAnswer } from '../../../src/cli/tune/apply.ts';
import { parseDigest } from '../../../src/image/index.ts';
import {
  createRegistryServer,
  type Faults,
  type RegistryServer,
  type RegistryServerOptions,
  seedImage,
} from '../../../src/serve/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';
import { analyse, parseResults, type TuneResults } from '../../../src/tune/index.ts';
import { cli, temporaryDirectory } from '../support/cli.ts';

const LIMIT = { timeout: 60_000 };
/** Each upload gets this much, so that pushers pay up to the number of layers. */
const SLOW: Faults = {
  rules: [{ on: { kind: 'upload', method: 'PUT' }, bytesPerSecond: 4_000_000 }],
};
const LAYERS = 4;

interface Stage {
  readonly server: RegistryServer;
  readonly remote: Store;
  readonly cwd: string;
  /** Of a push of the image to the registry. */
  readonly argv: readonly string[];
}

async function stage(
  t: TestContext,
  options: Partial<RegistryServerOptions> = { faults: SLOW },
): Promise<Stage> {
  const closing = new AsyncDisposableStack();
  const cwd = await temporaryDirectory(t, () => closing.disposeAsync());
  const store = await openStore(path.join(cwd, 'store'));
  const layers = Array.from({ length: LAYERS }, (_, seed) => ({ size: 300_000, seed }));
  await seedImage(store, { name: 'localhost/app:1', layers });
  await store.close();
  const remote = await openStore(path.join(cwd, 'remote'));
  closing.defer(() => remote.close());
  const server = await createRegistryServer({ ...options, store: remote });
  closing.defer(() => server.close());
  const flags = '--store store --gap 1ms --seed 7 --no-pictures --out out'.split(' ');
  const argv = ['tune', 'push', `localhost/app:1=${server.host}/team/app:1`, ...flags];
  return { server, remote, cwd, argv };
}

function mostAtOnce(spans: readonly { readonly start: number; readonly end: number }[]): number {
  const open = spans.map(
    ({ start }) => spans.filter((s) => s.start <= start && start < s.end).length,
  );
  return Math.max(...open);
}

async function resultsIn(cwd: string) {
  return parseResults(await readFile(path.join(cwd, 'out/results.json'), 'utf8'), 'r');
}

test(
  'tune push measures cold pushes to fresh repositories, and leaves nothing behind',
  LIMIT,
  async (t) => {
    const { server, remote, cwd, argv } = await stage(t);
    const run = await cli(
      [...argv, '--widths', '1,4,auto', '--serial', '--blocks', '4', '--json'],
      { cwd },
    );
    assert.equal(run.exitCode, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assert.deepEqual(tune.parse(document), document);
    assert.equal(document.measured, 'push');
    assert.equal(document.blocks, 4);
    const results = await resultsIn(cwd);
    assert.ok(results.runs.every(({ state, bytes = 0 }) => state !== 'ok' || bytes > 1_200_000));
    // How fast is the machine's affair; how many at once is not.
    for (const [arm, least, most] of [
      ['1', 1, 1],
      ['serial', 1, 1],
      ['4', 2, 4],
    ] as const) {
      const traced = results.runs.find((one) => one.arm === arm && one.blobs !== undefined);
      assert.equal(traced?.blobs?.length, LAYERS + 1, arm);
      const together = mostAtOnce(traced?.blobs ?? []);
      assert.ok(together >= least && together <= most, `${arm}: ${together} at once`);
    }

    const written = server.stats.log.filter(({ method }) => method === 'PUT' || method === 'POST');
    const repositories = new Set(written.map(({ repository }) => repository));
    assert.equal(repositories.size, results.runs.length);
    for (const name of repositories) assert.match(name ?? '', /^team\/app-tune-[0-9a-f]{8}$/);
    assert.deepEqual(await remote.references(), []);
  },
);

test(
  'the repository that the image was pulled from lends no blobs: that would not be cold',
  LIMIT,
  async (t) => {
    const { server, cwd, argv } = await stage(t);
    const first = await cli(
      ['push', `localhost/app:1=${server.host}/team/app:1`, '--store', 'store'],
      { cwd },
    );
    assert.equal(first.exitCode, 0, first.stderr);
    await cli(['pull', `${server.host}/team/app:1`, '--store', 'store'], { cwd });
    const [, , pair = '', ...options] = argv;
    const [, destination = ''] = pair.split('=');
    const run = await cli(
      [
        'tune',
        'push',
        destination,
        ...options,
        '--widths',
        '1,2',
        '--blocks',
        '4',
        '--scratch',
        'scratch/t',
      ],
      { cwd },
    );
    assert.equal(run.exitCode, 0, run.stderr);
    assert.ok(
      (await resultsIn(cwd)).runs.every(({ state }) => state === 'ok' || state === 'warm-up'),
    );
    assert.ok(server.stats.log.every(({ url }) => !url.includes('mount=')));
    assert.ok(server.stats.log.some(({ url }) => url.startsWith('/v2/scratch/t-')));
  },
);

test(
  'a registry that shares content between repositories is found out: nothing is measured',
  LIMIT,
  async (t) => {
    const { server, remote, cwd, argv } = await stage(t, { visibility: 'shared' });
    await cli(['push', `localhost/app:1=${server.host}/team/app:1`, '--store', 'store'], { cwd });
    const before = await remote.references();
    assert.ok(before.length > 0);
    const run = await cli([...argv, '--widths', '1,2'], { cwd });
    assert.equal(run.exitCode, 1);
    assert.match(run.stdout, /shares content between repositories/);
    assert.match(run.stderr, /cached \(the registry had 5 of 5 blobs/);
    assert.deepEqual(await remote.references(), before, 'the tag of the user stays');
  },
);

test('a registry that does not delete: what stays is named', LIMIT, async (t) => {
  const rules = [{ on: { method: 'DELETE', kind: 'manifest' as const }, status: 405 }];
  const { server, cwd, argv } = await stage(t, { faults: { rules } });
  const run = await cli([...argv, '--widths', '1,2', '--blocks', '4', '--apply'], { cwd });
  assert.equal(run.exitCode, 0, run.stderr);
  const named = new RegExp(
    `does not let manifests be deleted.*${server.host}/team/app-tune-.* more`,
  );
  assert.match(run.stdout, named);
});

test(
  'a registry that refuses more than two uploads: wider arms are given up, two are measured',
  LIMIT,
  async (t) => {
    const on = { kind: 'upload', method: 'PUT' } as const;
    const { cwd, argv } = await stage(t, {
      faults: {
        rules: [{ on, bytesPerSecond: 4e6, crowd: { above: 2, effect: 429 }, retryAfter: 0 }],
      },
    });
    const run = await cli([...argv, '--widths', '1,2,4,8', '--blocks', '4'], { cwd });
    assert.equal(run.exitCode, 0, run.stderr);
    assert.match(run.stdout, /Arms 4, 8 were given up: the registry throttles 4 and more/);
    const { runs } = await resultsIn(cwd);
    assert.ok(runs.every(({ arm, state }) => state !== 'ok' || /^[12]/.test(arm)));
  },
);

test(
  'Ctrl-C cleans up, keeps what was measured, and --resume goes on; pull results are refused',
  LIMIT,
  async (t) => {
    const { remote, cwd, argv } = await stage(t);
    const signals = new EventEmitter();
    const first = await cli([...argv, '--widths', '1,4', '--blocks', '4'], {
      cwd,
      signals,
      onStderr: (text) => {
        if (text.includes('block 2')) signals.emit('signal', 'SIGINT');
      },
    });
    assert.equal(first.exitCode, 130, first.stderr);
    assert.deepEqual(await remote.references(), []);
    const kept = await resultsIn(cwd);
    assert.equal(kept.stopped, 'interrupted');
    const second = await cli([...argv, '--widths', '1,4', '--blocks', '4', '--resume', '--json'], {
      cwd,
    });
    assert.equal(second.exitCode, 0, second.stderr);
    assert.equal(JSON.parse(second.stdout).blocks, 4);
    const [, , pair = ''] = argv;
    const pulled = ['tune', 'pull', pair.split('=')[1] ?? '', '--out', 'out', '--resume'];
    const third = await cli(pulled, { cwd });
    assert.notEqual(third.exitCode, 0);
  },
);

test('--apply says where --pushers auto starts, and a push starts there', LIMIT, async (t) => {
  const { server, cwd } = await stage(t);
  const env = { XDG_STATE_HOME: path.join(cwd, 'state') };
  // Ten to one: certain however busy the machine is.
  const rows = [1, 2, 3, 4, 5].flatMap((block) =>
    [1, 4].map((workers) => ({ block, workers, seconds: (10 / workers) * (1 + block / 1000) })),
  );
  const results = recorded(server.host, rows);
  const context = { places: findPlaces(env, cwd, cwd), complain: () => undefined };
  await applyAnswer(context, { results, analysis: analyse(results) });
  const argv = ['push', `localhost/app:1=${server.host}/team/app:1`, '--store', 'store'];
  const push = await cli([...argv, '--json'], { cwd, env });
  assert.equal(push.exitCode, 0, push.stderr);
  const [settled] = JSON.parse(push.stdout).settled;
  assert.equal(settled.width, 4, push.stdout);
});

function recorded(
  host: string,
  rows: readonly { readonly block: number; readonly workers: number; readonly seconds: number }[],
): TuneResults {
  const reference = `${host}/team/app:1`;
  return {
    format: 'longshore-tune',
    version: 1,
    verb: 'push',
    design: 'blocks',
    seed: 1,
    arms: [1, 4].map((workers) => ({ id: String(workers), workers, serial: false })),
    runs: rows.map(({ block, workers, seconds }, i) => ({
      order: i + 1,
      block,
      arm: String(workers),
      seconds,
      state: 'ok',
      bytes: 1e6,
    })),
    voidBlocks: [],
    dropped: [],
    images: [{ reference, digest: parseDigest(`sha256:${'0'.repeat(64)}`), layers: [] }],
  };
}

test('mistakes are told before anything is pushed', LIMIT, async (t) => {
  const { server, cwd, argv } = await stage(t);
  const options = argv.slice(3);
  const missing = await cli(['tune', 'push', `localhost/none:1=${server.host}/a`, ...options], {
    cwd,
  });
  assert.match(missing.stderr, /has no image localhost\/none:1 to push/);
  const two = await cli(
    [
      'tune',
      'push',
      `localhost/app:1=${server.host}/a`,
      'localhost/app:1=localhost:1/b',
      ...options,
    ],
    { cwd },
  );
  assert.match(two.stderr, /The images go to 2 registries/);
  for (const scratch of ['A', 'a:1', '/a', `a@sha256:${'0'.repeat(64)}`, '']) {
    const run = await cli([...argv, '--scratch', scratch], { cwd });
    assert.equal(run.exitCode, 2, `${scratch}: ${run.stderr}`);
  }
  assert.equal(server.stats.log.filter(({ method }) => method !== 'GET').length, 0);
});
