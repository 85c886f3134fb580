import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createKeyedLimiter, createLimiter, type Permit } from '../../src/concurrency/index.ts';
import { BOUNDED, seed, settle } from './fixtures/properties.ts';

test('the seed of these properties', (t) => t.diagnostic(`seed ${seed}`));

interface Ask {
  readonly controller: AbortController;
  state: 'waiting' | 'held' | 'refused';
  permit?: Permit;
}

const limiterSteps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('acquire' as const), priority: fc.nat(3) }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), pick: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('resize' as const),
        width: fc.integer({ min: 1, max: 6 }),
      }),
    },
  ),
  { maxLength: 40 },
);

test(
  'a limiter never gives more than its width, and never keeps who could go waiting',
  BOUNDED,
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), limiterSteps, async (width, steps) => {
        const limiter = createLimiter({ name: 'x', width });
        const asks: Ask[] = [];
        for (const step of steps) {
          const before = limiter.active;
          if (step.do === 'acquire') asks.push(ask(limiter.acquire.bind(limiter), step.priority));
          else if (step.do === 'resize') limiter.resize(step.width);
          else if (step.do === 'release') pick(asks, 'held', step.pick)?.permit?.release();
          else pick(asks, 'waiting', step.pick)?.controller.abort();
          // Shrinking lets holders finish: only then may more be out than the width.
          assert.ok(limiter.active <= Math.max(limiter.width, before));
          assert.ok(limiter.waiting === 0 || limiter.active >= limiter.width, 'a waiter could go');
          await Promise.resolve();
          await Promise.resolve();
          forgetReleased(asks);
          assert.equal(limiter.active, asks.filter(({ state }) => state === 'held').length);
          assert.equal(limiter.waiting, asks.filter(({ state }) => state === 'waiting').length);
        }
        for (let held = pick(asks, 'held', 0); held !== undefined; held = pick(asks, 'held', 0)) {
          held.permit?.release();
          await settle();
          forgetReleased(asks);
        }
        assert.deepEqual([limiter.active, limiter.waiting], [0, 0]);
      }),
      { seed, numRuns: 1500 },
    );
  },
);

function ask(acquire: (options: object) => Promise<Permit>, priority: number): Ask {
  const made: Ask = { controller: new AbortController(), state: 'waiting' };
  acquire({ priority, signal: made.controller.signal }).then(
    (permit) => {
      made.permit = permit;
      made.state = 'held';
    },
    () => {
      made.state = 'refused';
    },
  );
  return made;
}

function pick(asks: readonly Ask[], state: Ask['state'], at: number): Ask | undefined {
  const some = asks.filter((made) => made.state === state);
  return some[at % Math.max(1, some.length)];
}

function forgetReleased(asks: Ask[]): void {
  for (const made of asks) if (made.permit?.released === true) made.state = 'refused';
}

test('keyed limiters keep both bounds and never lock up', BOUNDED, async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('acquire' as const), key: fc.nat(2) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), pick: fc.nat() }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('resize' as const),
          width: fc.integer({ min: 1, max: 5 }),
        }),
      },
    ),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const keyed = createKeyedLimiter({ name: 'all', width: 3, keyWidth: 2 });
      const limiters = ['a', 'b', 'c'].map((key) => keyed.of(key));
      const asks: Ask[] = [];
      for (const step of list) {
        const before = keyed.active;
        if (step.do === 'acquire') {
          const limiter = limiters[step.key];
          if (limiter !== undefined) asks.push(ask(limiter.acquire.bind(limiter), 0));
        } else if (step.do === 'resize') keyed.resize(step.width);
        else if (step.do === 'release') pick(asks, 'held', step.pick)?.permit?.release();
        else pick(asks, 'waiting', step.pick)?.controller.abort();
        assert.ok(keyed.active <= Math.max(keyed.width, before));
        assert.equal(
          keyed.active,
          limiters.reduce((sum, { active }) => sum + active, 0),
        );
        for (const limiter of limiters) {
          assert.ok(limiter.active <= limiter.width);
          const free = limiter.active < limiter.width && keyed.active < keyed.width;
          assert.ok(limiter.waiting === 0 || !free, 'a waiter could go');
        }
        await settle();
        forgetReleased(asks);
      }
      for (let held = pick(asks, 'held', 0); held !== undefined; held = pick(asks, 'held', 0)) {
        held.permit?.release();
        await settle();
        forgetReleased(asks);
      }
      assert.ok(asks.every(({ state }) => state === 'refused'));
      assert.equal(keyed.active, 0);
    }),
    { seed, numRuns: 800 },
  );
});
