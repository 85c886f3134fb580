import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RangeSet } from '../../src/store/rangeSet.ts';

const SPACE = 40;
const range = fc
  .tuple(fc.nat(SPACE), fc.nat(SPACE))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));

test('a range set agrees with a set of numbers', () => {
  fc.assert(
    fc.property(fc.array(range), range, fc.nat(SPACE), (ranges, probe, at) => {
      const model = new Set<number>();
      const tested = new RangeSet();
      for (const { start, end } of ranges) {
        tested.add(start, end);
        for (let i = start; i < end; i += 1) model.add(i);
      }
      assert.equal(tested.bytes, model.size);
      const inside = Array.from({ length: SPACE + 1 }, (_, i) => i).filter((i) => model.has(i));
      assert.deepEqual(expand(tested.toArray()), inside);
      for (const [i, { start }] of tested.toArray().entries()) {
        assert.ok(start > (tested.toArray()[i - 1]?.end ?? -1), 'ranges do not touch');
      }
      const probed = inside.filter((i) => i >= probe.start && i < probe.end);
      assert.equal(tested.overlaps(probe.start, probe.end), probed.length > 0);
      const outside = expand([probe]).filter((i) => !model.has(i));
      assert.deepEqual(expand(tested.gaps(probe.start, probe.end)), outside);
      assert.deepEqual(
        expand(tested.clippedTo(at).toArray()),
        inside.filter((i) => i < at),
      );
      let end = at;
      while (model.has(end)) end += 1;
      assert.equal(tested.endOf(at), end);
    }),
  );
});

function expand(ranges: readonly { readonly start: number; readonly end: number }[]): number[] {
  return ranges.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => start + i),
  );
}
