import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createQueue } from '../../src/concurrency/index.ts';

const BOUNDED = { timeout: 10_000 };

test('put waits while the queue is full, get while it is empty', BOUNDED, async () => {
  const queue = createQueue<number>({ capacity: 1 });
  await queue.put(1);
  const second = queue.put(2);
  assert.equal(queue.waitingPuts, 1);
  assert.equal(queue.tryPut(3), false);
  assert.equal(await queue.get(), 1);
  await second;
  assert.deepEqual(queue.tryGet(), { item: 2 });
  assert.equal(queue.tryGet(), undefined);
  const later = queue.get();
  assert.equal(queue.waitingGets, 1);
  await queue.put(4);
  assert.equal(await later, 4);
});

test('bytes bound the queue, and one message alone may be larger', BOUNDED, async () => {
  const queue = createQueue<number>({ maxBytes: 10, sizeOf: (bytes) => bytes });
  assert.equal(queue.tryPut(99), true);
  assert.equal(queue.tryPut(1), false);
  assert.equal(await queue.get(), 99);
  assert.equal(queue.tryPut(6), true);
  assert.equal(queue.tryPut(5), false);
  assert.equal(queue.bytes, 6);
});

test('a large message that gives up lets the smaller behind it in', BOUNDED, async () => {
  const queue = createQueue<number>({ maxBytes: 10, sizeOf: (bytes) => bytes });
  await queue.put(6);
  const controller = new AbortController();
  const large = queue.put(8, { signal: controller.signal });
  const small = queue.put(3);
  controller.abort(new Error('too large'));
  await assert.rejects(large, { message: 'too large' });
  await small;
  assert.equal(queue.bytes, 9);
});

test('aborted waits leave no listener and take nothing', BOUNDED, async () => {
  const queue = createQueue<number>();
  const controller = new AbortController();
  const { signal } = controller;
  const got = queue.get({ signal });
  await queue.put(1);
  assert.equal(await got, 1);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  const waiting = queue.get({ signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(queue.put(2, { signal }), reason);
  await queue.put(3);
  assert.equal(await queue.get(), 3);
});

test('after close the rest is taken, then loops end; puts are refused', BOUNDED, async () => {
  const queue = createQueue<number>({ capacity: 2 });
  await queue.put(1);
  await queue.put(2);
  const late = queue.put(3);
  await queue.close();
  await queue.close();
  await assert.rejects(late, { code: 'ERR_QUEUE_CLOSED' });
  await assert.rejects(queue.put(4), { code: 'ERR_QUEUE_CLOSED' });
  assert.throws(() => queue.tryPut(4), { code: 'ERR_QUEUE_CLOSED' });
  const items: number[] = [];
  for await (const item of queue) items.push(item);
  assert.deepEqual(items, [1, 2]);
  await assert.rejects(queue.get(), { code: 'ERR_QUEUE_CLOSED' });
});

test('a closed queue has not ended while a message may still come back', BOUNDED, async () => {
  const queue = createQueue<string>();
  await queue.put('a');
  await queue.put('b');
  const first = await queue.take();
  await queue.close();
  first.requeue();
  first.ack();
  const again = await queue.take();
  assert.deepEqual([again.item, again.deliveries], ['a', 2]);
  const second = await queue.take();
  const waiting = queue.get();
  const drained = queue.whenDrained();
  second.ack();
  assert.equal(queue.unacknowledged, 1);
  again.ack();
  await assert.rejects(waiting, { code: 'ERR_QUEUE_CLOSED' });
  await drained;
});

test('a message nobody acknowledges becomes a dead letter, not lost', BOUNDED, async () => {
  const queue = createQueue<string>({ maxDeliveries: 2 });
  await queue.put('poison');
  (await queue.take()).requeue();
  (await queue.take()).requeue();
  assert.equal(queue.size, 0);
  assert.deepEqual(queue.deadLetters, ['poison']);
  await queue.whenDrained();
});

test('abort drops everything and tells everybody', BOUNDED, async () => {
  const queue = createQueue<number>({ capacity: 1 });
  await queue.put(1);
  const putting = queue.put(2);
  const out = await queue.take();
  await putting;
  const late = queue.put(3);
  const reason = new Error('stop');
  queue.abort(reason);
  await assert.rejects(late, reason);
  await assert.rejects(queue.get(), reason);
  await assert.rejects(queue.put(4), reason);
  out.requeue();
  assert.equal(queue.size, 0);
  const other = createQueue<number>();
  const waiting = other.get();
  other.abort();
  await assert.rejects(waiting, { code: 'ERR_QUEUE_ABORTED' });
});

test('undefined is a message like any other', BOUNDED, async () => {
  const queue = createQueue<undefined>();
  await queue.put(undefined);
  assert.deepEqual(queue.tryGet()?.item, undefined);
  await queue.put(undefined);
  assert.equal(queue.size, 1);
  assert.equal(await queue.get(), undefined);
});

test('bad bounds and sizes are refused', BOUNDED, async () => {
  for (const capacity of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => createQueue({ capacity }), { code: 'ERR_BAD_WIDTH' });
  }
  assert.throws(() => createQueue({ maxBytes: 1 }), { code: 'ERR_BAD_SIZE' });
  const queue = createQueue<number>({ sizeOf: (bytes) => bytes });
  for (const bytes of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(queue.put(bytes), { code: 'ERR_BAD_SIZE' });
  }
  assert.equal(queue.size, 0);
});
