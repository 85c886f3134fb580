import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, editDistance, nearest } from '../src/suggest.ts';

const NAMES = ['workers', 'store', 'platform', 'progress'];

test('slips of the pen are recognised, other words are not', () => {
  assert.equal(nearest('worker', NAMES), 'workers');
  assert.equal(nearest('wrokers', NAMES), 'workers');
  assert.equal(nearest('Platfrom', NAMES), 'platform');
  assert.equal(nearest('banana', NAMES), undefined);
  assert.equal(nearest('', NAMES), undefined);
  assert.equal(didYouMean('stroe', NAMES), '; did you mean store?');
  assert.equal(didYouMean('zzz', NAMES), '');
});

test('the distance is symmetric, zero for equals, and one for one edit', () => {
  const word = fc.stringMatching(/^[a-e]{1,12}$/);
  fc.assert(
    fc.property(word, word, fc.nat(), (a, b, place) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, a), 0);
      const at = place % a.length;
      assert.equal(editDistance(a, a.slice(0, at) + a.slice(at + 1)), 1);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
  );
});
