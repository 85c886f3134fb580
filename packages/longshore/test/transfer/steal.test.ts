import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseSteal, type OpenRange } from '../../src/transfer/steal.ts';

const MiB = 1024 * 1024;

function range(id: number, remainingBytes: number, more: Partial<OpenRange> = {}): OpenRange {
  return { id, blob: 'a', remainingBytes, bytesPerSecond: 20e6, divisible: true, ...more };
}

const anyRange = fc.record({
  id: fc.nat(1000),
  blob: fc.constantFrom('a', 'b', 'c'),
  remainingBytes: fc.nat(2_000_000_000),
  bytesPerSecond: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
  divisible: fc.boolean(),
});
const anyState = fc.record({
  ranges: fc.uniqueArray(anyRange, { maxLength: 70, selector: ({ id }) => id }),
  setupSeconds: fc.double({ min: 0, max: 2, noNaN: true }),
  goodputBytesPerSecond: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), {
    nil: undefined,
  }),
  capacityBytesPerSecond: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), {
    nil: undefined,
  }),
});

test('a steal never loses, doubles or makes up a byte, and both parts are worth a request', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const steal = chooseSteal(state);
      if (steal === undefined) return;
      const owner = state.ranges.find(({ id }) => id === steal.id);
      assert.ok(owner?.divisible);
      assert.ok(Number.isSafeInteger(steal.keptBytes) && Number.isSafeInteger(steal.stolenBytes));
      assert.equal(steal.keptBytes + steal.stolenBytes, owner.remainingBytes);
      assert.ok(steal.keptBytes >= MiB && steal.stolenBytes >= MiB);
      assert.ok(steal.savingSeconds >= 0);
      const siblings = state.ranges.filter(({ blob }) => blob === owner.blob);
      assert.ok(siblings.length < 32);
    }),
  );
});

test('stealing again and again ends', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4_000_000_000 }),
      fc.double({ min: 1e5, max: 1e9, noNaN: true }),
      (size, rate) => {
        const ranges = [range(0, size, { bytesPerSecond: rate })];
        for (let count = 0; count <= 32; count += 1) {
          const steal = chooseSteal({ ranges, setupSeconds: 0.01 });
          if (steal === undefined) {
            assert.equal(
              ranges.reduce((sum, { remainingBytes }) => sum + remainingBytes, 0),
              size,
            );
            return;
          }
          ranges[steal.id] = range(steal.id, steal.keptBytes, { bytesPerSecond: rate });
          ranges.push(range(ranges.length, steal.stolenBytes, { bytesPerSecond: rate }));
        }
        assert.fail('more than 32 ranges of one blob');
      },
    ),
  );
});

test('the tail half goes when owner and thief are equally fast', () => {
  const steal = chooseSteal({ ranges: [range(7, 200e6)], setupSeconds: 0 });
  assert.deepEqual(steal, { id: 7, keptBytes: 100e6, stolenBytes: 100e6, savingSeconds: 5 });
});

test('a slow owner keeps less, so that both end together', () => {
  const ranges = [range(1, 100e6, { bytesPerSecond: 5e6 }), range(2, 2e6), range(3, 2e6)];
  const steal = chooseSteal({ ranges, setupSeconds: 0 });
  assert.equal(steal?.id, 1);
  assert.equal(steal?.stolenBytes, 80e6);
});

test('the range that ends last is chosen, not the largest one', () => {
  const ranges = [range(1, 100e6), range(2, 60e6, { bytesPerSecond: 5e6 }), range(3, 1e6)];
  assert.equal(chooseSteal({ ranges, setupSeconds: 0.01 })?.id, 2);
});

test('nothing is split when it cannot pay', () => {
  const setupSeconds = 0.01;
  const cases = {
    'nothing open': [],
    'one mebibyte left': [range(1, MiB)],
    'no valid 206 yet': [range(1, 500e6, { divisible: false })],
    'ends within the time of a request': [range(1, 3e6, { bytesPerSecond: 100e6 })],
    '32 ranges already': Array.from({ length: 32 }, (_, id) => range(id, 500e6)),
  };
  for (const [why, ranges] of Object.entries(cases)) {
    assert.equal(chooseSteal({ ranges, setupSeconds }), undefined, why);
  }
  assert.equal(chooseSteal({ ranges: [range(1, 40e6)], setupSeconds: 0.6 }), undefined, 'far away');
});

test('nothing is split while the link or the processor is full', () => {
  const ranges = [range(1, 500e6), range(2, 500e6)];
  const full = {
    ranges,
    setupSeconds: 0,
    goodputBytesPerSecond: 95e6,
    capacityBytesPerSecond: 100e6,
  };
  assert.equal(chooseSteal(full), undefined);
  assert.ok(chooseSteal({ ...full, goodputBytesPerSecond: 60e6 }));
});
