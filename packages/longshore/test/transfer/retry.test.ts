import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LongshoreError, type LongshoreErrorOptions } from '../../src/errors.ts';
import { estimateRemainingMs, Meter } from '../../src/transfer/meter.ts';
import {
  afterFailure,
  MAX_BLOB_ATTEMPTS,
  NO_TROUBLE,
  type Trouble,
} from '../../src/transfer/retry.ts';

const MIB = 1024 * 1024;
const failure = (options: Partial<LongshoreErrorOptions>): LongshoreError =>
  new LongshoreError('broken', { code: 'ERR_NETWORK', ...options });
const broken = failure({ retryable: true });
const context = (
  heldBytes = 0,
  sources = 1,
): { heldBytes: number; sources: number; random: number } => ({
  heldBytes,
  sources,
  random: 1,
});

function troubleAfter(error: unknown, trouble: Trouble, held = 0, sources = 1): Trouble {
  const next = afterFailure(error, trouble, context(held, sources));
  assert.equal(next.action, 'retry');
  return next.action === 'retry' ? next.trouble : trouble;
}

describe('after a failure', () => {
  test('gives up after a set number of tries without progress', () => {
    let trouble: Trouble = NO_TROUBLE;
    for (let i = 1; i < MAX_BLOB_ATTEMPTS; i += 1) trouble = troubleAfter(broken, trouble);
    assert.equal(afterFailure(broken, trouble, context()).action, 'fail');
  });
  test('a stream that moved is reopened at once and counts anew', () => {
    let trouble: Trouble = NO_TROUBLE;
    for (let i = 1; i <= 50; i += 1) {
      const next = afterFailure(broken, trouble, context(i * MIB));
      assert.ok(next.action === 'retry');
      assert.equal(next.delayMs, 0);
      trouble = next.trouble;
    }
  });
  test('waits longer each time, with jitter, and at least as long as it was told to', () => {
    const delays: number[] = [];
    let trouble: Trouble = NO_TROUBLE;
    for (let i = 1; i < MAX_BLOB_ATTEMPTS; i += 1) {
      const next = afterFailure(broken, trouble, context());
      assert.ok(next.action === 'retry');
      delays.push(next.delayMs);
      trouble = next.trouble;
    }
    assert.deepEqual(delays, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    const told = Object.assign(failure({ retryable: true }), { retryAfterMs: 12_345 });
    const next = afterFailure(told, NO_TROUBLE, context());
    assert.ok(next.action === 'retry' && next.delayMs === 12_345);
  });
  test('waits no longer than a minute, whatever it is told', () => {
    const told = Object.assign(failure({ retryable: true }), { retryAfterMs: 1e15 });
    const next = afterFailure(told, NO_TROUBLE, context());
    assert.ok(next.action === 'retry' && next.delayMs === 60_000);
  });
  test('asks for a new signed address a few times only', () => {
    const refused = failure({ code: 'ERR_ADDRESS_REFUSED', retryable: true });
    let trouble: Trouble = NO_TROUBLE;
    for (let i = 1; i < 5; i += 1) trouble = troubleAfter(refused, trouble);
    assert.equal(afterFailure(refused, trouble, context()).action, 'fail');
  });
  test('asks the next repository when one refuses, and only then', () => {
    const refused = failure({ code: 'ERR_NOT_FOUND', origin: 'registry' });
    assert.equal(troubleAfter(refused, NO_TROUBLE, 0, 2).source, 1);
    assert.equal(afterFailure(refused, { ...NO_TROUBLE, source: 1 }, context(0, 2)).action, 'fail');
    const full = failure({ code: 'ERR_DISK_FULL', origin: 'disk' });
    assert.equal(afterFailure(full, NO_TROUBLE, context(0, 5)).action, 'fail');
  });
  test('fetches a corrupt blob once more, elsewhere where that is possible', () => {
    const corrupt = failure({ code: 'ERR_DIGEST_MISMATCH', origin: 'registry' });
    const once = troubleAfter(corrupt, NO_TROUBLE);
    assert.equal(once.corruptions, 1);
    assert.equal(afterFailure(corrupt, once, context()).action, 'fail');
    assert.equal(troubleAfter(corrupt, NO_TROUBLE, 0, 2).source, 1);
  });
  test('asks for a blob whose pieces were wrong twice in one piece, and then gives up', () => {
    const corrupt = failure({ code: 'ERR_DIGEST_MISMATCH', origin: 'registry' });
    const pieces = { ...context(), inPieces: true };
    let trouble: Trouble = NO_TROUBLE;
    const whole = [1, 2].map(() => {
      const next = afterFailure(corrupt, trouble, pieces);
      assert.ok(next.action === 'retry');
      trouble = next.trouble;
      return trouble.whole;
    });
    assert.deepEqual(whole, ['no', 'for good']);
    assert.equal(afterFailure(corrupt, trouble, context()).action, 'fail');
    assert.equal(troubleAfter(corrupt, { ...NO_TROUBLE, whole: 'for good' }, 0, 2).whole, 'no');
  });
  test('pieces that are cut short again and again are asked for as one, once', () => {
    const cut = failure({ code: 'ERR_BODY_TRUNCATED', retryable: true });
    const whole = (inPieces: boolean): Trouble['whole'][] => {
      let trouble: Trouble = NO_TROUBLE;
      return [1, 2, 3, 4, 5, 6, 7, 8].map(() => {
        const next = afterFailure(cut, trouble, { ...context(), inPieces });
        assert.ok(next.action === 'retry');
        trouble = next.trouble;
        return trouble.whole;
      });
    };
    assert.deepEqual(whole(true), ['no', 'no', 'no', 'no', 'no', 'no', 'once', 'no']);
    assert.deepEqual(new Set(whole(false)), new Set(['no']));
    assert.equal(troubleAfter(broken, { ...NO_TROUBLE, attempts: 6 }).whole, 'no');
  });
  test('more than the whole says that the copy is wrong', () => {
    const long = failure({ code: 'ERR_BODY_TOO_LONG', origin: 'registry' });
    const copy = troubleAfter(long, NO_TROUBLE);
    assert.deepEqual([copy.corruptions, copy.whole], [1, 'no']);
    assert.equal(afterFailure(long, copy, context()).action, 'fail');
  });
  test('never retries what is not ours', () => {
    assert.equal(afterFailure(new TypeError('bug'), NO_TROUBLE, context(0, 9)).action, 'fail');
  });
  test('ends whatever happens while nothing moves', () => {
    const anyError = fc.constantFrom(
      broken,
      failure({ code: 'ERR_DIGEST_MISMATCH', origin: 'registry' }),
      failure({ code: 'ERR_NOT_FOUND', origin: 'registry' }),
      new Error('odd'),
    );
    fc.assert(
      fc.property(
        fc.array(anyError, { minLength: 60, maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (errors, sources) => {
          let trouble: Trouble = NO_TROUBLE;
          const ended = errors.some((error) => {
            const next = afterFailure(error, trouble, context(0, sources));
            if (next.action === 'retry') trouble = next.trouble;
            return next.action === 'fail';
          });
          assert.ok(ended);
        },
      ),
    );
  });
});

describe('the meter', () => {
  test('tells the rate of the last seconds, not of the whole', () => {
    const meter = new Meter(0);
    for (let t = 100; t <= 10_000; t += 100) {
      meter.add(t <= 5000 ? 1000 : 100);
      meter.sample(t);
    }
    assert.equal(meter.sample(10_000), 1000);
    assert.equal(meter.bytes, 50 * 1000 + 50 * 100);
  });
  test('has no rate before time has passed', () => {
    assert.equal(new Meter(5).sample(5), 0);
  });
  test('estimates, and says nothing where it cannot', () => {
    assert.equal(estimateRemainingMs(1000, 500), 2000);
    assert.equal(estimateRemainingMs(0, 0), 0);
    assert.equal(estimateRemainingMs(1, 0), undefined);
    assert.equal(estimateRemainingMs(1, Number.NaN), undefined);
    assert.equal(estimateRemainingMs(1e15, 1), undefined);
  });
});
