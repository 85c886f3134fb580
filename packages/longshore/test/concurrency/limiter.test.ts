import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import {
  createKeyedLimiter,
  createLimiter,
  type LimiterState,
} from '../../src/concurrency/index.ts';

const BOUNDED = { timeout: 10_000 };

test('a free slot is given at once, a full limiter makes the next wait', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pushes to HOST', width: 1 });
  const first = await limiter.acquire();
  const second = limiter.acquire();
  assert.equal(limiter.active, 1);
  assert.equal(limiter.waiting, 1);
  assert.equal(limiter.waitingReason(), '1 of 1 pushes to HOST');
  first.release();
  using permit = await second;
  assert.equal(permit.released, false);
  assert.equal(limiter.waiting, 0);
  assert.equal(limiter.waitingReason(), undefined);
});

test('a permit released twice frees one slot', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 2 });
  const first = await limiter.acquire();
  const second = await limiter.acquire();
  first.release();
  first[Symbol.dispose]();
  assert.equal(limiter.active, 1);
  assert.equal(first.released, true);
  second.release();
  assert.equal(limiter.active, 0);
});

test('growing wakes waiters at once, shrinking lets holders finish', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 1 });
  const permits = [await limiter.acquire()];
  const waiting = [limiter.acquire(), limiter.acquire()];
  limiter.resize(3);
  permits.push(...(await Promise.all(waiting)));
  assert.equal(limiter.active, 3);
  limiter.resize(1);
  assert.equal(limiter.active, 3);
  const next = limiter.acquire();
  permits[0]?.release();
  permits[1]?.release();
  assert.equal(limiter.active, 1);
  assert.equal(limiter.waiting, 1);
  permits[2]?.release();
  (await next).release();
});

test('priority goes first, then the larger, then who asked first', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 1 });
  const holder = await limiter.acquire();
  const order: string[] = [];
  const asks = [
    { name: 'small', bytes: 1 },
    { name: 'early' },
    { name: 'late' },
    { name: 'large', bytes: 100 },
    { name: 'urgent', priority: 1 },
    { name: 'not a number', priority: Number.NaN },
  ].map(async ({ name, ...options }) => {
    using _permit = await limiter.acquire(options);
    order.push(name);
  });
  holder.release();
  await Promise.all(asks);
  assert.deepEqual(order, ['urgent', 'large', 'small', 'early', 'late', 'not a number']);
});

test(
  'among equal priorities the lower turn goes first, and the larger within a turn',
  BOUNDED,
  async () => {
    const limiter = createLimiter({ name: 'pushes', width: 1 });
    const holder = await limiter.acquire();
    const order: string[] = [];
    const asks = [
      { name: 'second, large', turn: 1, bytes: 900 },
      { name: 'first, small', turn: 0, bytes: 1 },
      { name: 'first, large', turn: 0, bytes: 50 },
      { name: 'urgent', turn: 7, priority: 1 },
    ].map(async ({ name, ...options }) => {
      using _permit = await limiter.acquire(options);
      order.push(name);
    });
    holder.release();
    await Promise.all(asks);
    assert.deepEqual(order, ['urgent', 'first, large', 'first, small', 'second, large']);
  },
);

test('metadata never waits behind bodies', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 1, metadataWidth: 1 });
  await limiter.acquire();
  void limiter.acquire();
  using _first = await limiter.acquire({ kind: 'metadata' });
  assert.equal(limiter.metadataActive, 1);
  void limiter.acquire({ kind: 'metadata' });
  assert.equal(limiter.metadataWaiting, 1);
});

test('an abort ends the waiting with its reason and leaves no listener', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 1 });
  const holder = await limiter.acquire();
  const controller = new AbortController();
  const { signal } = controller;
  const granted = limiter.acquire({ signal });
  holder.release();
  (await granted).release();
  assert.equal(getEventListeners(signal, 'abort').length, 0);

  using _again = await limiter.acquire();
  const reason = new Error('enough');
  const waiting = limiter.acquire({ signal });
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  assert.equal(limiter.waiting, 0);
  await assert.rejects(limiter.acquire({ signal }), reason);
  assert.throws(() => limiter.tryAcquire({ signal }), reason);
});

test('close refuses waiters and later comers, holders finish', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pulls', width: 1 });
  const holder = await limiter.acquire();
  const waiting = limiter.acquire();
  limiter.close();
  limiter.close();
  await assert.rejects(waiting, { code: 'ERR_LIMITER_CLOSED' });
  await assert.rejects(limiter.acquire(), { code: 'ERR_LIMITER_CLOSED' });
  assert.throws(() => limiter.tryAcquire(), { code: 'ERR_LIMITER_CLOSED' });
  assert.equal(limiter.active, 1);
  holder.release();
  assert.equal(limiter.active, 0);
  assert.equal(limiter.closed, true);
});

test('a width that is not a whole number from 1 up is refused and printed', () => {
  const limiter = createLimiter({ name: 'pulls', width: 1 });
  for (const width of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const expected = { code: 'ERR_BAD_WIDTH', message: new RegExp(String(width)) };
    assert.throws(() => createLimiter({ name: 'pulls', width }), expected);
    assert.throws(() => limiter.resize(width), expected);
    assert.throws(() => createKeyedLimiter({ name: 'k', width, keyWidth: 1 }), expected);
    assert.throws(() => createKeyedLimiter({ name: 'k', width: 1, keyWidth: width }), expected);
  }
  assert.equal(limiter.width, 1);
});

test('changes are told with the state after them, holders by their labels', BOUNDED, async () => {
  const states: LimiterState[] = [];
  const limiter = createLimiter({
    name: 'pulls',
    width: 1,
    onChange: (state) => states.push(state),
  });
  const holder = await limiter.acquire({ label: 'alpine' });
  const waiting = limiter.acquire({ label: 'busybox' });
  assert.deepEqual(limiter.holders(), ['alpine']);
  holder.release();
  (await waiting).release();
  assert.deepEqual(
    states.map(({ active, waiting: queued }) => [active, queued]),
    [
      [1, 0],
      [1, 1],
      [1, 0],
      [1, 0],
      [0, 0],
    ],
  );
  assert.deepEqual(limiter.holders(), []);
});

test(
  'a total above the keys names the cause that holds, and a full key holds nobody else up',
  BOUNDED,
  async () => {
    const keyed = createKeyedLimiter({
      name: 'pushes in all',
      width: 3,
      keyWidth: 2,
      nameOf: (host) => `pushes to ${host}`,
    });
    const a = keyed.of('a.test');
    const b = keyed.of('b.test');
    assert.equal(keyed.of('a.test'), a);
    const held = await Promise.all([a.acquire(), a.acquire()]);
    const third = a.acquire();
    assert.equal(a.waitingReason(), '2 of 2 pushes to a.test');
    const other = await b.acquire();
    const last = b.acquire();
    assert.equal(b.waitingReason(), '3 of 3 pushes in all');
    assert.equal(keyed.active, 3);
    keyed.resize(4);
    (await last).release();
    held[0]?.release();
    (await third).release();
    other.release();
    held[1]?.release();
    assert.equal(keyed.active, 0);
    assert.deepEqual(keyed.keys, ['a.test', 'b.test']);
    keyed.close();
    await assert.rejects(keyed.of('new').acquire(), { code: 'ERR_LIMITER_CLOSED' });
  },
);
