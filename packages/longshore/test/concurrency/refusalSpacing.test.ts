import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusalSpacing } from '../../src/concurrency/refusalSpacing.ts';

/** Refusals with so many accepted requests before each. */
function after(...accepted: readonly number[]): RefusalSpacing {
  const spacing = new RefusalSpacing();
  for (const count of accepted) {
    spacing.accepted(count);
    spacing.refused(1);
  }
  return spacing;
}

test('three refusals one by one are single requests, two or a burst are not', () => {
  assert.equal(after(50, 50).isWide, false);
  assert.equal(after(50, 50, 50).isWide, true);
  assert.equal(after(50, 0, 0, 0, 0).isWide, false);
  assert.equal(after(50, 50, 0, 50).isWide, false, 'not in a row');
});

test('one that follows at once is chance, two are not', () => {
  assert.equal(after(9, 9, 9, 0, 9).isWide, true);
  assert.equal(after(9, 9, 9, 0, 0).isWide, false);
});

test('a refusal is rare after sixteen requests that were accepted for each that is refused', () => {
  const spacing = after(50);
  spacing.accepted(32);
  assert.equal(spacing.isRare(2), true);
  assert.equal(spacing.isRare(3), false);
  assert.equal(after(50).isRare(1), false);
});

test('several of one sample are weighed against all that was accepted', () => {
  const spacing = after(9, 9, 9);
  spacing.accepted(40);
  spacing.refused(3);
  spacing.accepted(2);
  spacing.refused(3);
  assert.equal(spacing.isWide, true);
  spacing.refused(1);
  assert.equal(spacing.isWide, false);
});
