import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFlights } from '../../src/concurrency/flights.ts';

const timeout = 5000;

test('a caller that gives up leaves the others what they wait for', { timeout }, async () => {
  const flights = createFlights<string>();
  const work = Promise.withResolvers<string>();
  let seen: AbortSignal | undefined;
  const start = (signal: AbortSignal): Promise<string> => {
    seen = signal;
    return work.promise;
  };
  const controller = new AbortController();
  const first = flights.join('key', start, controller.signal);
  const second = flights.join('key', () => assert.fail('started twice'));
  controller.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  assert.equal(seen?.aborted, false);
  work.resolve('token');
  assert.equal(await second, 'token');
});

test('work that nobody waits for any more is aborted, and not joined', { timeout }, async () => {
  const flights = createFlights<string>();
  const controller = new AbortController();
  let seen: AbortSignal | undefined;
  const first = flights.join(
    'key',
    (signal) => {
      seen = signal;
      return new Promise(() => undefined);
    },
    controller.signal,
  );
  controller.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  assert.equal(seen?.aborted, true);
  assert.equal(await flights.join('key', () => Promise.resolve('new')), 'new');
});

test('failures are everybody’s and are not kept', { timeout }, async () => {
  const flights = createFlights<string>();
  const fail = (): Promise<string> => Promise.reject(new Error('no'));
  const outcomes = await Promise.allSettled([flights.join('k', fail), flights.join('k', fail)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await flights.join('k', () => Promise.resolve('yes')), 'yes');
});
