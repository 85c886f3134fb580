import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ElasticSample } from '../../src/concurrency/index.ts';
import { openHostMemory, RateLimit } from '../../src/transfer/index.ts';
import { Lanes } from '../../src/transfer/lanes.ts';
import { eventsOf, harbour } from './harness.ts';

const MB = 1_000_000;
const LIMIT = { timeout: 60_000 };
const BLOBS = { kind: ['blob', 'content'] } as const;

/** Requests that were answered with a blob, or a part of one. */
function answersOf({ requestsByStatus }: { readonly requestsByStatus: Record<number, number> }) {
  return (requestsByStatus[200] ?? 0) + (requestsByStatus[206] ?? 0);
}

describe('a pull that finds its width', LIMIT, () => {
  test('spreads one fat layer over many connections when each is capped', async () => {
    await using port = await harbour();
    const image = await port.seed('fat:1', { layers: [{ size: 40 * MB }] });
    port.server.faults = { rules: [{ on: BLOBS, bytesPerSecond: 3 * MB }] };
    const result = await port.pull(['fat:1'], { workers: 'auto' });
    assert.equal(result.outcome, 'succeeded');
    assert.ok(port.server.stats.maxBodies >= 6, `${port.server.stats.maxBodies} bodies at once`);
    const layer = image.layers[0];
    const served = port.server.stats.bytesServedByDigest.get(layer?.digest ?? '') ?? 0;
    assert.ok(served < (layer?.size ?? 0) * 1.5, 'what is cut off a stream is not sent twice over');
    assert.equal(result.settled[0]?.mode, 'auto');
    assert.ok(result.settled[0]?.verdict);
  });

  test('never opens more connections than it may', async () => {
    await using port = await harbour();
    await port.seed('fat:1', { layers: [{ size: 12 * MB }, { size: 6 * MB, seed: 'b' }] });
    port.server.faults = { rules: [{ on: BLOBS, bytesPerSecond: 3 * MB }] };
    const result = await port.pull(['fat:1'], { workers: 'auto', maxConnections: 3 });
    assert.equal(result.outcome, 'succeeded');
    const bodies = port.server.stats.log.filter(({ range }) => range !== undefined);
    assert.ok(bodies.length > 0);
    // The config is small, and goes beside the bodies.
    assert.ok(port.server.stats.maxBodies <= 4, `${port.server.stats.maxBodies} bodies at once`);
  });

  test('learns where a registry has had enough from two refusals at most', async () => {
    await using port = await harbour();
    await port.seed('fat:1', { layers: [{ size: 30 * MB }] });
    port.server.faults = {
      rules: [
        { on: BLOBS, bytesPerSecond: 3 * MB, crowd: { above: 6, effect: 429 }, retryAfter: '0.2' },
      ],
    };
    const result = await port.pull(['fat:1'], { workers: 'auto' });
    assert.deepEqual(
      result.images.map(({ error }) => error),
      [undefined],
    );
    const refused = port.server.stats.requestsByStatus[429] ?? 0;
    // Two; one more where the server, on a busy machine, still counts a connection that was closed.
    assert.ok(refused <= 3, `${refused} refusals`);
  });

  test('finds the few flows that a registry takes which begins to refuse, and cuts none of them', async () => {
    await using port = await harbour();
    // Of different sizes: those that end together ask for the next together, and may all be refused.
    const large = Array.from({ length: 40 }, (_, i) => ({
      size: 2_100_000 + 20_000 * i,
      seed: `large ${i}`,
    }));
    const small = Array.from({ length: 30 }, (_, i) => ({ size: 20_000, seed: `small ${i}` }));
    await port.seed('many:1', { layers: [...large, ...small] });
    const shaped = { on: BLOBS, bytesPerSecond: 2 * MB };
    port.server.faults = { rules: [shaped] };
    const refusing = setInterval(() => {
      // Once the small ones are there, and many of the large ones move or some are there, too.
      const ended = answersOf(port.server.stats) - small.length;
      if (ended < 0 || (ended < 12 && port.server.stats.bodies < 16)) return;
      clearInterval(refusing);
      const crowd = { above: 6, effect: 429 } as const;
      port.server.faults = { rules: [{ ...shaped, crowd, retryAfter: '0.3' }] };
    }, 5);
    const result = await port.pull(['many:1'], { workers: 'auto' });
    clearInterval(refusing);
    assert.equal(result.outcome, 'succeeded');
    const refused = port.server.stats.requestsByStatus[429] ?? 0;
    assert.ok(refused >= 1 && refused <= 6, `${refused} refusals`);
    // None that was answered is given up for one that waits; a few are shared at the end.
    const answered = answersOf(port.server.stats);
    assert.ok(answered <= large.length + small.length + 12, `${answered} answers`);
  });

  for (const [name, crowd] of Object.entries({
    'resets connections above five': { above: 5, effect: 'reset' },
    'slows everyone down above five': { above: 5, effect: 'slow' },
    'answers 503 above five': { above: 5, effect: 503 },
  } as const)) {
    test(`arrives through a server that ${name}`, LIMIT, async () => {
      await using port = await harbour();
      await port.seed('fat:1', { layers: [{ size: 15 * MB }] });
      port.server.faults = { rules: [{ on: BLOBS, bytesPerSecond: 3 * MB, crowd }] };
      const result = await port.pull(['fat:1'], { workers: 'auto' });
      assert.deepEqual(
        result.images.map(({ error }) => error),
        [undefined],
      );
    });
  }

  test('a piece that is denied is not asked for again and again while the rest still moves', async () => {
    await using port = await harbour();
    await port.seed('fat:1', { layers: [{ size: 10 * MB }] });
    const late = Array.from({ length: 500 }, (_, index) => index + 4);
    port.server.faults = {
      rules: [
        { on: BLOBS, bytesPerSecond: 2 * MB },
        { on: { ...BLOBS, nth: late }, status: 403 },
      ],
    };
    const result = await port.pull(['fat:1'], { workers: 'auto' });
    assert.equal(result.images[0]?.error?.code, 'ERR_DENIED');
    const denied = port.server.stats.requestsByStatus[403] ?? 0;
    assert.ok(denied >= 1 && denied <= 6, `${denied} times`);
  });

  test('a whole blob in place of its pieces fills all gaps in one go', async () => {
    await using port = await harbour();
    const image = await port.seed('fat:1', { layers: [{ size: 10 * MB }] });
    const late = Array.from({ length: 500 }, (_, index) => index + 6);
    port.server.faults = {
      rules: [
        { on: BLOBS, bytesPerSecond: 2 * MB },
        // Each of the pieces that are open by then leaves a gap.
        { on: { ...BLOBS, nth: [3, 4, 5] }, truncateAt: 300_000 },
        { on: { ...BLOBS, nth: late }, range: 'refuse' },
      ],
    };
    const result = await port.pull(['fat:1'], { workers: 'auto' });
    assert.equal(result.outcome, 'succeeded');
    const digest = image.layers[0]?.digest ?? '';
    const served = port.server.stats.bytesServedByDigest.get(digest) ?? 0;
    assert.ok(served < 16 * MB, `${served} bytes served`);
  });

  test('a fixed width above what the registry takes waits as it asks, and asks seldom', async () => {
    await using port = await harbour();
    await port.seed('fat:1', { layers: [{ size: 12 * MB }] });
    port.server.faults = {
      rules: [
        { on: BLOBS, bytesPerSecond: 2 * MB, crowd: { above: 3, effect: 429 }, retryAfter: 1 },
      ],
    };
    const result = await port.pull(['fat:1'], { workers: 10 });
    assert.equal(result.outcome, 'succeeded');
    const refused = port.server.stats.requestsByStatus[429] ?? 0;
    assert.ok(refused >= 1 && refused <= 8, `${refused} refusals in ${result.milliseconds} ms`);
  });

  test('believes no absurd Retry-After', async () => {
    await using port = await harbour();
    await port.seed('a:1', { layers: [{ size: 1000 }] });
    port.server.faults = {
      rules: [{ on: { kind: 'blob', first: 1 }, status: 429, retryAfter: '-5' }],
    };
    const result = await port.pull(['a:1'], { workers: 'auto' });
    assert.equal(result.outcome, 'succeeded');
  });

  test('asks the registry anew for each range, so that no signed address is used twice', async () => {
    await using port = await harbour();
    await port.seed('fat:1', { layers: [{ size: 12 * MB }] });
    port.server.faults = {
      rules: [
        { on: { kind: 'blob' }, redirect: { singleUse: true } },
        { on: { kind: 'content' }, bytesPerSecond: 3 * MB },
      ],
    };
    const result = await port.pull(['fat:1'], { workers: 'auto' });
    assert.equal(result.outcome, 'succeeded');
    assert.equal(port.server.stats.requestsByStatus[403], undefined);
    assert.ok((port.server.stats.requestsByKind.content ?? 0) > 2);
    assert.notEqual(
      result.settled[0]?.origin,
      port.server.url,
      'the lane is named after who serves',
    );
  });

  for (const workers of ['auto', 4] as const) {
    test(`the last connection that crawls is asked for anew, ${workers} workers`, async () => {
      await using port = await harbour();
      const layers = Array.from({ length: 12 }, (_, n) => ({ size: 4 * MB, seed: `layer ${n}` }));
      await port.seed('a:1', { layers });
      port.server.faults = {
        rules: [
          { on: BLOBS, bytesPerSecond: 4 * MB },
          // 100 s for the megabyte that is not worth cutting.
          { on: { kind: 'blob', nth: 10 }, bytesPerSecond: 10_000 },
        ],
      };
      const result = await port.pull(['a:1'], { workers });
      assert.equal(result.outcome, 'succeeded');
      assert.deepEqual(eventsOf(port.events, 'blob.retry'), []);
      assert.equal(result.settled[0]?.met?.slow, 1);
      assert.ok(result.milliseconds < 29_000, `${result.milliseconds} ms`);
    });
  }

  test('a connection that goes silent is cut while others move, and that is no retry', async () => {
    await using port = await harbour({ registry: { stallTimeoutMs: 30_000 } });
    await port.seed('a:1', {
      layers: [
        { size: 3 * MB, seed: 'a' },
        { size: 24 * MB, seed: 'b' },
      ],
    });
    port.server.faults = {
      rules: [
        { on: BLOBS, bytesPerSecond: 2 * MB },
        { on: { kind: 'blob', nth: 3 }, stallAt: 100_000 },
      ],
    };
    const result = await port.pull(['a:1'], { workers: 2, silentMs: 500 });
    assert.equal(result.outcome, 'succeeded');
    assert.deepEqual(eventsOf(port.events, 'blob.retry'), []);
    assert.ok(result.milliseconds < 29_000);
  });
});

describe('what is remembered of a host', () => {
  test('starts the next run, and is forgotten when old or damaged', LIMIT, async () => {
    await using port = await harbour();
    const path = join(port.folder, 'state', 'hosts.json');
    const memory = await openHostMemory(path, () => 1000);
    await memory.remember([['a.example', { width: 12, bytesPerSecond: 5 }]]);
    assert.equal((await openHostMemory(path, () => 2000)).recall('a.example')?.width, 12);
    assert.equal(
      (await openHostMemory(path, () => 1000 + 25 * 3600 * 1000)).recall('a.example'),
      undefined,
    );
    assert.equal(
      (await openHostMemory(path, () => 500)).recall('a.example'),
      undefined,
      'from the future',
    );
    await writeFile(path, '{"a.example":{"width":-1,"bytesPerSecond":5,"at":1000}}');
    assert.equal((await openHostMemory(path, () => 2000)).recall('a.example'), undefined);
    await writeFile(path, 'junk');
    assert.equal((await openHostMemory(path, () => 2000)).recall('a.example'), undefined);
    const nowhere = await openHostMemory(join(path, 'below', 'a', 'file'));
    await nowhere.remember([['a.example', { width: 1, bytesPerSecond: 1 }]]);
  });

  test('keeps what other runs wrote in the meantime', LIMIT, async () => {
    await using port = await harbour();
    const path = join(port.folder, 'hosts.json');
    const [one, two] = [await openHostMemory(path), await openHostMemory(path)];
    await one.remember([['a.example', { width: 2, bytesPerSecond: 1 }]]);
    await two.remember([['b.example', { width: 3, bytesPerSecond: 1 }]]);
    assert.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8')) as object).toSorted(), [
      'a.example',
      'b.example',
    ]);
  });
});

describe('lanes', () => {
  const lanes = (now: () => number = () => 0): Lanes =>
    new Lanes({
      workers: 'auto',
      maxConnections: 16,
      memory: undefined,
      now,
      random: () => 0.5,
    });

  test('registries that redirect to one server share its lane', async () => {
    const all = lanes();
    const waiting: Promise<{ lane: unknown }>[] = [];
    for (let i = 0; i < 6; i += 1) waiting.push(all.acquire('b.example', {}));
    all.learn('a.example', 'https://cdn.example');
    const shared = all.of('a.example');
    all.learn('b.example', 'https://cdn.example');
    assert.equal(all.of('b.example'), shared);
    const late = await all.acquire('b.example', {});
    assert.equal(late.lane, shared);
    const early = await Promise.race(waiting);
    assert.notEqual(early.lane, undefined);
  });

  test('those who wait behind the first flow to a server that is known go on at once', async () => {
    const all = lanes();
    all.learn('a.example', 'https://cdn.example');
    const mine = all.of('b.example');
    all.begin(() => 1);
    const first = await all.acquire('b.example', {});
    assert.equal(first.lane, mine);
    const second = all.acquire('b.example', {});
    all.learn('b.example', 'https://cdn.example');
    // The first one keeps its permit all the while.
    assert.equal((await second).lane, all.of('a.example'));
    first.permit.release();
  });

  test('one flow goes first where connecting takes no time', () => {
    const all = lanes();
    const [near, far, unknown] = ['near.example', 'far.example', 'unknown.example'].map((name) =>
      all.of(name),
    );
    all.begin((name) => ({ 'near.example': 1, 'far.example': 20 })[name]);
    assert.deepEqual(
      [near, far, unknown].map((lane) => lane?.limiter.width),
      [1, 4, 4],
    );
  });

  test('a slow answer is told from a long way', () => {
    const clock = { ms: 0 };
    const all = lanes(() => clock.ms);
    const lane = all.of('a.example');
    all.learn('a.example', 'https://cdn.example:443');
    all.begin((server) => (server === 'https://cdn.example:443' ? 20 : undefined));
    const seen: ElasticSample[] = [];
    const { controller } = lane;
    assert.ok(controller);
    const observe = controller.observe.bind(controller);
    controller.observe = (sample) => {
      seen.push(sample);
      return observe(sample);
    };
    const tick = (): void => all.tick(() => ({ splittable: 0, silent: 0 }));
    tick();
    const request = lane.request();
    clock.ms += 90;
    request.accepted();
    tick();
    assert.deepEqual(
      seen.map(({ rttMs, answerMs, setupMs }) => [rttMs, answerMs, setupMs]),
      [
        [undefined, undefined, undefined],
        [20, 90, 130],
      ],
    );
  });

  test('a registry keeps its lane when it serves by itself', () => {
    const all = lanes();
    const lane = all.of('a.example');
    all.learn('a.example', 'https://a.example');
    all.learn('a.example', 'https://a.example');
    assert.equal(all.of('a.example'), lane);
  });
});

describe('the rate limit', () => {
  test('lets bytes pass at its rate, by its own clock', async () => {
    let now = 0;
    const limit = new RateLimit(1000, () => now);
    const waiting = limit.take(100);
    assert.ok(waiting instanceof Promise);
    now += 1000;
    await waiting;
    assert.equal(limit.heldMs, 100);
    assert.equal(limit.take(10), undefined);
    limit.bytesPerSecond = Number.POSITIVE_INFINITY;
    assert.equal(limit.take(1e12), undefined);
    limit.bytesPerSecond = 10;
    const slow = limit.take(1);
    assert.ok(slow instanceof Promise);
    now += 1000;
    await slow;
    for (const bad of [0, -1, Number.NaN]) assert.throws(() => new RateLimit(bad), RangeError);
  });

  test('holds a pull back, and can be lifted while it runs', LIMIT, async () => {
    await using port = await harbour();
    await port.seed('a:1', { layers: [{ size: 8 * MB }] });
    const rateLimit = new RateLimit(2 * MB);
    const startedAt = performance.now();
    let liftedAt = 0;
    const result = await port.pull(['a:1'], {
      rateLimit,
      onEvent: (event) => {
        if (event.type !== 'progress' || event.doneBytes < 5 * MB || liftedAt > 0) return;
        liftedAt = performance.now();
        rateLimit.bytesPerSecond = Number.POSITIVE_INFINITY;
      },
    });
    assert.equal(result.outcome, 'succeeded');
    // What is in the buffers of four connections passes before the first pause: two megabytes here.
    assert.ok(liftedAt - startedAt > 700, 'five megabytes took more than a second');
  });

  test('is what bounds a pull, which opens no more connections under it', LIMIT, async () => {
    await using port = await harbour();
    await port.seed('a:1', { layers: [{ size: 8 * MB }] });
    const rateLimit = new RateLimit(4 * MB);
    const { settled } = await port.pull(['a:1'], { rateLimit, workers: 'auto' });
    assert.equal(settled[0]?.verdict?.bound, 'limit-rate');
    assert.ok(port.server.stats.maxBodies <= 5, `${port.server.stats.maxBodies} bodies at once`);
  });
});
