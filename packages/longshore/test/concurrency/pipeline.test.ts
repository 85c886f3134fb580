import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLimiter, type PipelineEvent, pipeline } from '../../src/concurrency/index.ts';

const BOUNDED = { timeout: 10_000 };

test('items go through all stages; outcomes come in their order', BOUNDED, async () => {
  const report = await pipeline([20, 1, 10])
    .stage({ name: 'wait', width: 3, run: (ms) => delay(ms, ms) })
    .stage({ name: 'print', width: 1, run: (ms) => `${ms} ms` })
    .run();
  assert.equal(report.ok, true);
  assert.deepEqual(
    report.outcomes.map((outcome) => outcome.status === 'done' && outcome.value),
    ['20 ms', '1 ms', '10 ms'],
  );
});

test('a failed item takes no other with it', BOUNDED, async () => {
  const report = await pipeline([1, 2, 3, 4])
    .stage({
      name: 'odd',
      width: 2,
      run: (value) => {
        if (value % 2 === 0) throw new Error(`${value} is even`);
        return value;
      },
    })
    .stage({ name: 'small', width: 1, run: (value) => (value > 2 ? Promise.reject(value) : value) })
    .run();
  assert.deepEqual([report.done, report.failed, report.cancelled, report.ok], [1, 3, 0, false]);
  assert.deepEqual(
    report.outcomes.map((outcome) => (outcome.status === 'failed' ? outcome.stage : 'done')),
    ['done', 'odd', 'small', 'odd'],
  );
});

test('a narrow stage holds the wide one before it back', BOUNDED, async () => {
  let ahead = 0;
  let most = 0;
  const events: PipelineEvent[] = [];
  const report = await pipeline(
    Array.from({ length: 40 }, (_, at) => at),
    {
      onEvent: (event) => events.push(event),
    },
  )
    .stage({
      name: 'build',
      width: 4,
      run: async () => {
        ahead += 1;
        most = Math.max(most, ahead);
      },
    })
    .stage({
      name: 'push',
      width: 1,
      queue: { capacity: 2 },
      run: async () => {
        await delay(1);
        ahead -= 1;
      },
    })
    .run();
  assert.equal(report.done, 40);
  // One pushes, two queue, and what four builders had in hand when the queue filled up.
  assert.ok(most <= 7, `${most} were ahead`);
  assert.ok(events.some(({ type }) => type === 'blocked'));
});

test('bytes bound what waits between stages', BOUNDED, async () => {
  let waiting = 0;
  let most = 0;
  await pipeline([5, 5, 5, 5, 30, 1])
    .stage({ name: 'build', width: 1, run: async (bytes) => bytes })
    .stage({
      name: 'push',
      width: 1,
      queue: {
        capacity: 100,
        maxBytes: 10,
        sizeOf: (bytes) => {
          waiting += bytes;
          return bytes;
        },
      },
      run: async (bytes) => {
        most = Math.max(most, waiting);
        await delay(1);
        waiting -= bytes;
      },
    })
    .run();
  // 10 in the queue, 5 being pushed, 30 held back in its builder.
  assert.ok(most <= 45, `${most} bytes waited`);
});

test('fail-fast stops the rest: what runs is told, what waits is cancelled', BOUNDED, async () => {
  const told: number[] = [];
  const report = await pipeline([0, 1, 2, 3, 4, 5], { onFailure: 'fail-fast' })
    .stage({
      name: 'work',
      width: 3,
      run: async (value, { signal }) => {
        if (value === 1) throw new Error('one failed');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        told.push(value);
        signal.throwIfAborted();
      },
    })
    .run();
  assert.deepEqual(told, [0, 2]);
  assert.deepEqual([report.done, report.failed, report.cancelled], [0, 1, 5]);
  assert.ok(report.stopped?.reason instanceof Error);
});

test('an abort cancels, and one who does not listen is left behind', BOUNDED, async () => {
  const controller = new AbortController();
  const drain = new AbortController();
  const report = await pipeline([1, 2, 3], {
    signal: controller.signal,
    drainSignal: drain.signal,
    abandonAfterMs: 5,
    onEvent: ({ type }) => type === 'started' && controller.abort(new Error('enough')),
  })
    .stage({ name: 'deaf', width: 1, run: () => new Promise(() => {}) })
    .run();
  assert.deepEqual([report.done, report.failed, report.cancelled], [0, 0, 3]);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  assert.equal(getEventListeners(drain.signal, 'abort').length, 0);
});

test('draining takes no more items but finishes those under way', BOUNDED, async () => {
  const drain = new AbortController();
  const report = await pipeline([1, 2, 3, 4], { drainSignal: drain.signal })
    .stage({
      name: 'first',
      width: 1,
      run: async (value) => {
        drain.abort();
        return value;
      },
    })
    .stage({ name: 'second', width: 1, run: async (value) => value * 10 })
    .run();
  assert.deepEqual([report.done, report.cancelled], [1, 3]);
  assert.equal(report.stopped, undefined);
});

test('time up in a stage fails the item and frees its slot', BOUNDED, async () => {
  const report = await pipeline([1, 2])
    .stage({
      name: 'slow',
      width: 1,
      timeoutMs: 10,
      run: (value) => (value === 1 ? new Promise<number>(() => {}) : value),
    })
    .run();
  const [first, second] = report.outcomes;
  assert.ok(first?.status === 'failed' && first.error instanceof Error);
  assert.match(first.error.message, /stage slow gave up after 10 ms/);
  assert.equal(second?.status, 'done');
});

test('an answer after the time was up changes nothing', BOUNDED, async () => {
  const late = Promise.withResolvers<string>();
  const report = await pipeline(['slow', 'quick'])
    .stage({
      name: 'one',
      width: 1,
      timeoutMs: 10,
      run: (item) => (item === 'slow' ? late.promise : item),
    })
    .stage({
      name: 'two',
      width: 1,
      run: async (item) => {
        late.resolve('at last');
        await delay(5);
        return item;
      },
    })
    .run();
  assert.deepEqual([report.done, report.failed, report.cancelled], [1, 1, 0]);
  assert.equal(report.outcomes[0]?.status, 'failed');
});

test('a stage can share a limiter that is resized while it runs', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pushes', width: 1 });
  let most = 0;
  const report = await pipeline(Array.from({ length: 30 }, (_, at) => at))
    .stage({
      name: 'push',
      limiter,
      run: async (at) => {
        if (at === 5) limiter.resize(4);
        most = Math.max(most, limiter.active);
        await delay(1);
      },
    })
    .run();
  assert.equal(report.done, 30);
  assert.equal(most, 4);
  assert.deepEqual([limiter.active, limiter.waiting], [0, 0]);
});

test('a limiter closed by somebody else stops the pipeline', BOUNDED, async () => {
  const limiter = createLimiter({ name: 'pushes', width: 1 });
  limiter.close();
  const report = await pipeline([1, 2])
    .stage({ name: 'push', limiter, run: (at) => at })
    .run();
  assert.equal(report.cancelled, 2);
  assert.ok(report.stopped?.reason instanceof Error);
});

test('items may come from a generator, which may fail', BOUNDED, async () => {
  async function* items(): AsyncGenerator<number> {
    yield 1;
    await delay(1);
    yield 2;
    throw new Error('no more');
  }
  const report = await pipeline(items())
    .stage({ name: 'work', width: 2, run: (value) => value })
    .run();
  assert.equal(report.done, 2);
  assert.equal(report.ok, false);
  assert.ok(report.sourceError?.error instanceof Error);
});

test('stages that answer at once do not nest', BOUNDED, async () => {
  const report = await pipeline(Array.from({ length: 50_000 }, (_, at) => at))
    .stage({ name: 'one', width: 2, run: (value) => value + 1 })
    .stage({ name: 'two', width: 1, run: (value) => value * 2 })
    .run();
  assert.equal(report.done, 50_000);
});

test('progress comes out, of a running item only', BOUNDED, async () => {
  const events: PipelineEvent[] = [];
  let report: ((data: unknown) => void) | undefined;
  await pipeline(['a'], { onEvent: (event) => events.push(event) })
    .stage({
      name: 'work',
      width: 1,
      run: async (_item, context) => {
        report = (data) => context.report(data);
        context.report('half');
      },
    })
    .run();
  report?.('late');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['started', 'progress', 'finished'],
  );
});

test('bad widths, bounds and times are refused', () => {
  const start = pipeline([1]);
  const run = (value: number): number => value;
  for (const width of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => start.stage({ name: 's', width, run }), { code: 'ERR_BAD_WIDTH' });
    const queue = { capacity: width };
    assert.throws(() => start.stage({ name: 's', width: 1, queue, run }), {
      code: 'ERR_BAD_WIDTH',
    });
  }
  const queue = { maxBytes: 3 };
  assert.throws(() => start.stage({ name: 's', width: 1, queue, run }), { code: 'ERR_BAD_SIZE' });
  assert.throws(() => pipeline([1], { abandonAfterMs: Number.NaN }), { code: 'ERR_BAD_TIMEOUT' });
});

test('an empty list is done at once', BOUNDED, async () => {
  const report = await pipeline([])
    .stage({ name: 's', width: 1, run: (at) => at })
    .run();
  assert.deepEqual([report.ok, report.outcomes.length], [true, 0]);
});
