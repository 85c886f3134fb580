import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Descriptor } from '../../src/image/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { ImageSink } from '../../src/transfer/index.ts';
import { eventsOf, type Harbour, harbour } from './harness.ts';

const MB = 1_000_000;
const LIMIT = { timeout: 60_000 };

async function assertWhole(store: Store, blobs: readonly Descriptor[]): Promise<void> {
  for (const { digest, size } of blobs) {
    assert.equal(await store.stat(digest), size);
    const bytes = await readFile(store.blobPath(digest));
    assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest);
  }
}

async function nothingLeft({ store }: Harbour, blobs: readonly Descriptor[]): Promise<void> {
  for (const { digest } of blobs) assert.equal(await store.partialBytes(digest), 0);
}

describe('pull', LIMIT, () => {
  test('brings images whole into the store and names them', async () => {
    await using port = await harbour();
    const image = await port.seed('app:1', {
      layers: [{ size: 3 * MB }, { size: 1000 }, { size: 0 }],
    });
    const result = await port.pull(['app:1']);
    assert.equal(result.outcome, 'succeeded');
    assert.equal(result.images[0]?.digest, image.descriptor.digest);
    await assertWhole(port.store, image.blobs);
    await nothingLeft(port, image.blobs);
    const held = await port.store.getReference(port.at('app:1'));
    assert.equal(held?.digest, image.descriptor.digest);
  });

  test('goes image by image where whole images are waited for, and else the largest blob of all first', async () => {
    const names = ['small:1', 'large:1', 'middle:1'];
    for (const queues of [true, false]) {
      await using port = await harbour();
      for (const [i, size] of [30_000, 900_000, 300_000].entries()) {
        await port.seed(names[i] ?? '', { layers: [{ size, seed: `${i}` }] });
      }
      const sink: ImageSink = { name: 'converter', queues, add: () => Promise.resolve() };
      await port.pull(names, { workers: 1, serial: true, sinks: [sink] });
      const sizes = eventsOf(port.events, 'blob.done').map(({ size }) => size);
      const largestFirst = sizes.toSorted((a, b) => b - a);
      const done = eventsOf(port.events, 'image.done').map(({ image }) => image);
      if (queues) assert.deepEqual(done, [0, 1, 2]);
      else assert.deepEqual(sizes, largestFirst);
    }
  });

  test('tells every image in input order, duplicates and junk included, and fails none for another', async () => {
    await using port = await harbour();
    await port.seed('a:1', { layers: [{ size: 1000, seed: 'a' }] });
    await port.seed('b:1', { layers: [{ size: 1000, seed: 'b' }] });
    const result = await port.pull([
      'a:1',
      '!Not A Reference',
      'none:1',
      'b:1',
      'a:1',
      'a@sha256:' + '0'.repeat(64),
    ]);
    assert.deepEqual(
      result.images.map(({ state }) => state),
      ['done', 'failed', 'failed', 'done', 'done', 'failed'],
    );
    assert.equal(result.images[1]?.error?.code, 'ERR_REFERENCE_INVALID');
    assert.equal(result.images[2]?.error?.code, 'ERR_NOT_FOUND');
    assert.equal(result.outcome, 'failed');
    const ended = [
      ...eventsOf(port.events, 'image.done'),
      ...eventsOf(port.events, 'image.failed'),
    ];
    assert.deepEqual(
      ended.map(({ image }) => image).toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
  });

  test('fetches each unique byte once over many images and repositories', async () => {
    await using port = await harbour();
    const names: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      const name = `group${i % 3}/app${i}:1`;
      await port.seed(name, {
        layers: [
          { size: 300_000, seed: 'base' },
          { size: 500, seed: `own ${i % 20}` },
        ],
      });
      names.push(name);
    }
    const result = await port.pull(names);
    assert.equal(result.outcome, 'succeeded');
    const plan = eventsOf(port.events, 'plan.ready')[0];
    assert.equal(port.server.stats.bytesServed, plan?.bytes);
    assert.equal(result.fetchedBytes, plan?.bytes);
    for (const [digest, bytes] of port.server.stats.bytesServedByDigest) {
      assert.equal(bytes, await port.store.stat(digest as Descriptor['digest']));
    }
  });

  test('asks for nothing that is there, and for nothing at all where the digest is given', async () => {
    await using port = await harbour();
    const image = await port.seed('app:1', { layers: [{ size: MB }] });
    await port.pull(['app:1', `app@${image.descriptor.digest}`]);
    port.server.stats.reset();
    const again = await port.pull(['app:1']);
    assert.equal(again.fetchedBytes, 0);
    assert.equal(again.plan?.presentBytes, again.plan?.bytes);
    assert.deepEqual(
      port.server.stats.log.map(({ method, kind }) => `${method} ${kind}`),
      ['HEAD manifest'],
    );
    port.server.stats.reset();
    const pinned = await port.pull([`app@${image.descriptor.digest}`]);
    assert.equal(pinned.outcome, 'succeeded');
    assert.equal(port.server.stats.requests, 0);
  });

  test('asks once for the manifest of a name that is new here', async () => {
    await using port = await harbour();
    await port.seed('app:1', { layers: [{ size: 1000 }] });
    await port.pull(['app:1']);
    const asked = port.server.stats.log.filter(({ kind }) => kind === 'manifest');
    assert.deepEqual(
      asked.map(({ method }) => method),
      ['GET'],
    );
  });

  test('fetches a manifest anew that is damaged in the store', async () => {
    await using port = await harbour();
    const image = await port.seed('app:1', { layers: [{ size: 1000 }] });
    await port.pull(['app:1']);
    const held = port.store.blobPath(image.descriptor.digest);
    const right = await readFile(held);
    for (const name of ['app:1', `app@${image.descriptor.digest}`]) {
      await rm(held);
      await writeFile(held, Buffer.alloc(right.byteLength, 'x'));
      const again = await port.pull([name]);
      assert.equal(again.outcome, 'succeeded');
      assert.equal(again.fetchedBytes, 0);
      assert.deepEqual(await readFile(held), right);
    }
  });

  test('takes the platform that was asked for, all of them, or says which there are', async () => {
    await using port = await harbour();
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ];
    const image = await port.seed('multi:1', { platforms, layers: [{ size: 1000 }] });
    const one = await port.pull(['multi:1'], { platform: { os: 'linux', architecture: 'arm64' } });
    assert.equal(one.images[0]?.digest, image.manifests[1]?.digest);
    assert.equal(one.images[0]?.platform, 'linux/arm64');
    const none = await port.pull(['multi:1'], { platform: { os: 'linux', architecture: 's390x' } });
    assert.equal(none.images[0]?.error?.code, 'ERR_PLATFORM_NOT_FOUND');
    assert.match(none.images[0]?.error?.hint ?? '', /linux\/amd64, linux\/arm64/);
    const all = await port.pull(['multi:1'], { platform: 'all' });
    assert.equal(all.images[0]?.digest, image.descriptor.digest);
    await assertWhole(port.store, image.blobs);
  });

  test('a dry run plans, and leaves the store as it was', async () => {
    await using port = await harbour();
    await port.seed('app:1', { layers: [{ size: MB }] });
    const result = await port.pull(['app:1'], { dryRun: true });
    assert.equal(result.images[0]?.state, 'planned');
    assert.ok((result.plan?.fetchBytes ?? 0) > MB);
    assert.equal(port.server.stats.bytesServed, 0);
    assert.deepEqual(await port.store.references(), []);
  });

  test('one worker and --serial never have two bodies open', async () => {
    await using port = await harbour();
    await port.seed('app:1', {
      layers: Array.from({ length: 6 }, (_, i) => ({ size: 200_000, seed: `${i}` })),
    });
    const result = await port.pull(['app:1'], { serial: true, workers: 8 });
    assert.equal(result.outcome, 'succeeded');
    assert.equal(port.server.stats.maxBodies, 1);
    assert.ok(port.server.stats.log.every(({ range }) => range === undefined));
  });
});

describe('a pull in bad weather', LIMIT, () => {
  const layers = [
    { size: 3 * MB, seed: 'x' },
    { size: 5 * MB, seed: 'y' },
  ];

  const storms = {
    'connections reset in mid-blob': {
      rules: [{ on: { kind: 'blob', every: 2 }, resetAt: 700_000 }],
    },
    'bodies cut short': { rules: [{ on: { kind: 'blob', every: 2 }, truncateAt: 900_001 }] },
    'bodies that stop moving': { rules: [{ on: { kind: 'blob', first: 2 }, stallAt: 500_000 }] },
    'errors of the server': { rules: [{ on: { kind: 'blob', every: 2 }, status: 503 }] },
    'refusals for going too fast': {
      rules: [{ on: { kind: ['blob', 'manifest'], every: 2 }, status: 429, retryAfter: '0.01' }],
    },
    'ranges that are ignored': {
      rules: [
        { on: { kind: 'blob', first: 1 }, resetAt: 800_000 },
        { on: { kind: 'blob' }, range: 'ignore' },
      ],
    },
    'ranges that are refused': { rules: [{ on: { kind: 'blob' }, range: 'refuse' }] },
    'ranges of another place': {
      rules: [{ on: { kind: 'blob', every: 3 }, range: 'other-offset' }],
    },
    'ranges of another total': {
      rules: [{ on: { kind: 'blob', every: 3 }, range: 'other-total' }],
    },
    'ranges that are shorter': { rules: [{ on: { kind: 'blob' }, range: 'shorter' }] },
    'ranges without a label': { rules: [{ on: { kind: 'blob', every: 3 }, range: 'unlabelled' }] },
    'ranges in several parts': { rules: [{ on: { kind: 'blob', every: 3 }, range: 'multipart' }] },
    'lengths that are missing': { rules: [{ on: { kind: 'blob' }, length: 'missing' }] },
    'redirects to another host': {
      rules: [{ on: { kind: 'blob' }, redirect: { singleUse: true } }],
    },
    'one corrupt body': { rules: [{ on: { kind: 'blob', nth: 1 }, corruptAt: 1000 }] },
  } as const;
  for (const [name, faults] of Object.entries(storms)) {
    test(`arrives whole through ${name}`, LIMIT, async () => {
      await using port = await harbour();
      const image = await port.seed('app:1', { layers });
      port.server.faults = faults;
      const result = await port.pull(['app:1']);
      assert.deepEqual(
        result.images.map(({ error }) => error),
        [undefined],
      );
      await assertWhole(port.store, image.blobs);
      assert.equal(port.server.stats.authorizationLeaks, 0);
    });
  }

  test('goes on in mid-blob: a broken stream costs what was in flight, not what was there', async () => {
    await using port = await harbour();
    const image = await port.seed('app:1', { layers: [{ size: 8 * MB }] });
    const digest = image.layers[0]?.digest ?? '';
    port.server.faults = { rules: [{ on: { digest, first: 3 }, resetAt: 2 * MB }] };
    const result = await port.pull(['app:1'], { workers: 1 });
    assert.equal(result.outcome, 'succeeded');
    await assertWhole(port.store, image.blobs);
    const total = image.blobs.reduce((sum, { size }) => sum + size, 0);
    assert.equal(result.fetchedBytes, total);
    assert.equal(eventsOf(port.events, 'blob.retry').length, 3);
  });

  test('a blob that is corrupt for good fails its images only, and nothing of it is visible', async () => {
    await using port = await harbour();
    const bad = await port.seed('bad:1', { layers: [{ size: 200_000, seed: 'bad' }] });
    const good = await port.seed('good:1', { layers: [{ size: 200_000, seed: 'good' }] });
    const layer = bad.layers[0];
    assert.ok(layer);
    port.server.faults = { rules: [{ on: { digest: layer.digest }, corruptAt: 5 }] };
    const result = await port.pull(['bad:1', 'good:1']);
    assert.deepEqual(
      result.images.map(({ state }) => state),
      ['failed', 'done'],
    );
    assert.equal(result.images[0]?.error?.code, 'ERR_DIGEST_MISMATCH');
    assert.equal(await port.store.stat(layer.digest), undefined);
    assert.equal(await port.store.getReference(port.at('bad:1')), undefined);
    await assertWhole(port.store, good.blobs);
  });

  test('fetches a blob from another repository when the first one refuses', async () => {
    await using port = await harbour();
    const shared = [{ size: 100_000, seed: 'shared' }];
    await port.seed('one/app:1', { layers: shared });
    await port.seed('two/app:1', { layers: shared });
    port.server.faults = {
      rules: [{ on: { kind: 'blob', repository: 'one/app', method: 'GET' }, status: 404 }],
    };
    const result = await port.pull(['one/app:1', 'two/app:1']);
    assert.deepEqual(
      result.images.map(({ state }) => state),
      ['done', 'done'],
    );
  });

  test('renews short-lived tokens in the middle of a run', async () => {
    await using port = await harbour({
      auth: { kind: 'token', users: { ann: 'secret' }, ttlSeconds: 1, anonymousPull: false },
      registry: {
        credentials: {
          lookup: async () => ({
            kind: 'basic',
            username: 'ann',
            password: 'secret',
            source: 'test',
          }),
        },
      },
    });
    const image = await port.seed('app:1', { layers: [{ size: 3 * MB }] });
    port.server.faults = {
      rules: [{ on: { kind: 'blob', first: 4 }, bytesPerSecond: 2 * MB, truncateAt: MB }],
    };
    const result = await port.pull(['app:1'], { workers: 1 });
    assert.deepEqual(
      result.images.map(({ error }) => error),
      [undefined],
    );
    await assertWhole(port.store, image.blobs);
  });
});

describe('stopping a pull', LIMIT, () => {
  async function slowPort(): Promise<Harbour> {
    const port = await harbour();
    await port.seed('a:1', {
      layers: [
        { size: 2 * MB, seed: '1' },
        { size: 2 * MB, seed: '2' },
        { size: 2 * MB, seed: '3' },
      ],
    });
    port.server.faults = { rules: [{ on: { kind: 'blob' }, bytesPerSecond: MB }] };
    return port;
  }
  const moving = (): {
    signal: AbortSignal;
    onEvent: NonNullable<Parameters<Harbour['pull']>[1]>['onEvent'];
    stop: AbortController;
  } => {
    const stop = new AbortController();
    return {
      stop,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.doneBytes > 500_000) stop.abort(new Error('enough'));
      },
    };
  };

  test('at once keeps what has come, and the next run fetches only the rest', async () => {
    await using port = await slowPort();
    const { signal, onEvent } = moving();
    const first = await port.pull(['a:1'], {
      signal,
      onEvent: onEvent ?? (() => undefined),
      workers: 2,
    });
    assert.equal(first.outcome, 'cancelled');
    assert.equal(first.images[0]?.state, 'cancelled');
    assert.ok(first.fetchedBytes > 400_000 && first.fetchedBytes < 5 * MB);
    port.server.faults = {};
    const second = await port.pull(['a:1'], { workers: 2 });
    assert.equal(second.outcome, 'succeeded');
    const total = second.plan?.bytes ?? 0;
    assert.ok(first.fetchedBytes + second.fetchedBytes <= total + 2 * 1024 * 1024);
    assert.ok((second.plan?.resumableBytes ?? 0) + (second.plan?.presentBytes ?? 0) > 0);
  });

  test('leaves parts that are verified while others use the connections', async () => {
    await using port = await harbour();
    const image = await port.seed('a:1', { layers: [{ size: 30 * MB }, { size: MB, seed: 'b' }] });
    const [large, other] = image.layers;
    assert.ok(large && other);
    const bytes = await readFile(port.source.blobPath(large.digest));
    const ingest = await port.store.ingest(large);
    await ingest?.write(0, bytes.subarray(0, 20 * MB));
    await ingest?.release();
    const result = await port.pull(['a:1'], { workers: 1 });
    assert.equal(result.outcome, 'succeeded');
    const started = eventsOf(port.events, 'blob.started').filter(({ size }) => size >= MB);
    assert.deepEqual(
      started.map(({ digest, offset }) => [digest, offset]),
      [
        [other.digest, 0],
        [large.digest, 20 * MB],
      ],
    );
  });

  test('gently lets started blobs end and starts no other', async () => {
    await using port = await slowPort();
    const drain = new AbortController();
    const result = await port.pull(['a:1'], {
      workers: 1,
      drain: drain.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.doneBytes > 300_000) drain.abort();
      },
    });
    assert.equal(result.outcome, 'cancelled');
    const blobs = port.server.stats.log.filter(
      ({ kind, bytesOut }) => kind === 'blob' && bytesOut > MB,
    );
    assert.equal(blobs.length, 1);
    assert.equal(blobs[0]?.complete, true);
  });

  test('gently becomes at once when it takes too long', async () => {
    await using port = await slowPort();
    port.server.faults = { rules: [{ on: { kind: 'blob' }, bytesPerSecond: 1000 }] };
    const drain = new AbortController();
    const started = once(drain.signal, 'abort');
    const pulling = port.pull(['a:1'], {
      drain: drain.signal,
      drainTimeoutMs: 50,
      onEvent: (event) => {
        if (event.type === 'blob.started') drain.abort();
      },
    });
    await started;
    assert.equal((await pulling).outcome, 'cancelled');
  });

  test('fail-fast stops at the first failure', async () => {
    await using port = await slowPort();
    const result = await port.pull(['missing:1', 'a:1'], { failFast: true });
    assert.deepEqual(
      result.images.map(({ state }) => state),
      ['failed', 'cancelled'],
    );
    assert.equal(result.outcome, 'failed');
  });

  test('one that is stopped was stopped, whether fail-fast or after a failure', async () => {
    await using port = await slowPort();
    for (const [names, failFast] of [
      [['a:1'], true],
      [['missing:1', 'a:1'], false],
    ] as const) {
      const drain = new AbortController();
      const result = await port.pull(names, {
        failFast,
        drain: drain.signal,
        drainTimeoutMs: 50,
        onEvent: (event) => {
          if (event.type === 'progress' && event.doneBytes > 0) drain.abort();
        },
      });
      assert.equal(result.outcome, 'cancelled');
      assert.equal(result.images.at(-1)?.state, 'cancelled');
    }
  });
});
