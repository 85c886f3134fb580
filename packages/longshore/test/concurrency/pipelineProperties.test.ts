import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLimiter, createPool, pipeline } from '../../src/concurrency/index.ts';
import { BOUNDED, seed, settle } from './fixtures/properties.ts';

test('the seed of these properties', (t) => t.diagnostic(`seed ${seed}`));

test(
  'a pipeline gives each item exactly one outcome, within its widths, whatever fails',
  BOUNDED,
  async () => {
    const plan = fc.record({
      items: fc.array(fc.constantFrom('ok', 'throw', 'reject', 'late', 'hang'), { maxLength: 25 }),
      widths: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      capacity: fc.integer({ min: 1, max: 3 }),
      failFast: fc.boolean(),
      stopAfter: fc.option(fc.nat(20), { nil: undefined }),
      drainAfter: fc.option(fc.nat(20), { nil: undefined }),
      resize: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const stop = new AbortController();
        const drain = new AbortController();
        const limiters = given.widths.map((width, at) =>
          createLimiter({ name: `stage ${at}`, width }),
        );
        const widest = limiters.map((limiter) => Math.max(limiter.width, given.resize ?? 0));
        const running = limiters.map(() => 0);
        let started = 0;
        let overran = false;
        async function work(item: string, at: number, signal: AbortSignal): Promise<string> {
          started += 1;
          if (started === given.stopAfter) stop.abort(new Error('stopped'));
          if (started === given.drainAfter) drain.abort();
          if (started === 5 && given.resize !== undefined) limiters[at]?.resize(given.resize);
          running[at] = (running[at] ?? 0) + 1;
          if ((running[at] ?? 0) > (widest[at] ?? 0)) overran = true;
          try {
            if (item === 'late') await settle();
            if (item === 'reject') await Promise.reject(new Error('rejected'));
            if (item === 'hang') await hang(signal);
            return item;
          } finally {
            running[at] = (running[at] ?? 0) - 1;
          }
        }
        let built = pipeline(given.items, {
          signal: stop.signal,
          drainSignal: drain.signal,
          onFailure: given.failFast ? 'fail-fast' : 'keep-going',
        }).stage({
          name: '0',
          limiter: limitersAt(limiters, 0),
          run: throwing((item, signal) => work(item, 0, signal)),
        });
        for (let at = 1; at < limiters.length; at += 1) {
          built = built.stage({
            name: String(at),
            limiter: limitersAt(limiters, at),
            queue: { capacity: given.capacity },
            run: (item, { signal }) => work(item, at, signal),
          });
        }
        // Those that hang are let go of by the stop, the last resort of every run here.
        const patience = letGo(stop);
        const report = await built.run();
        await patience;
        assert.equal(overran, false, 'more at once than its width');
        assert.equal(report.outcomes.length, given.items.length);
        report.outcomes.forEach((outcome, index) => assert.equal(outcome.index, index));
        assert.equal(report.done + report.failed + report.cancelled, given.items.length);
        assert.ok(limiters.every(({ active, waiting }) => active === 0 && waiting === 0));
        assert.deepEqual(
          running,
          limiters.map(() => 0),
        );
      }),
      { seed, numRuns: 800 },
    );
  },
);

async function letGo(stop: AbortController): Promise<void> {
  for (let at = 0; at < 60; at += 1) await settle();
  stop.abort(new Error('enough'));
}

function limitersAt<T>(list: readonly T[], at: number): T {
  const found = list[at];
  assert.ok(found !== undefined);
  return found;
}

function throwing(work: (item: string, signal: AbortSignal) => Promise<string>) {
  return (item: string, context: { readonly signal: AbortSignal }) => {
    if (item === 'throw') throw new Error('thrown');
    return work(item, context.signal);
  };
}

function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

test('an inline pool runs each task once, at most its width at a time', BOUNDED, async () => {
  const plan = fc.record({
    width: fc.integer({ min: 1, max: 4 }),
    inputs: fc.array(fc.constantFrom('ok', 'fail', 'late'), { maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ width, inputs }) => {
      await using pool = createPool({ kind: 'inline', width });
      let running = 0;
      const runs: number[] = [];
      const settled = await pool.mapSettled(
        async ({ input, at }: { readonly input: string; readonly at: number }) => {
          running += 1;
          runs.push(at);
          assert.ok(running <= width);
          if (input === 'late') await settle();
          running -= 1;
          if (input === 'fail') throw new Error('failed');
          return at;
        },
        inputs.map((input, at) => ({ input, at })),
      );
      assert.deepEqual(
        runs.sort((a, b) => a - b),
        inputs.map((_, at) => at),
      );
      assert.deepEqual(
        settled.map(({ status }) => status),
        inputs.map((input) => (input === 'fail' ? 'rejected' : 'fulfilled')),
      );
    }),
    { seed, numRuns: 500 },
  );
});
