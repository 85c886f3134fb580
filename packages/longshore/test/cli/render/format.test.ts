import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
} from '../../../src/cli/render/format.ts';

test('bytes keep three digits', () => {
  const table: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [53_500_000, '53.5 MB'],
    [536_000_000, '536 MB'],
    [999_499_999, '999 MB'],
    [999_500_000, '1.00 GB'],
    [1_070_000_000, '1.07 GB'],
    [99_950, '100 kB'],
  ];
  for (const [bytes, text] of table) assert.equal(formatBytes(bytes), text);
  assert.equal(formatRate(112_000_000), '112 MB/s');
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      assert.match(formatBytes(bytes), /^(\d{1,3}|\d\.\d\d|\d\d\.\d) (B|kB|MB|GB|TB|PB)$/);
    }),
  );
});

test('durations and clocks', () => {
  assert.equal(formatDuration(850), '850 ms');
  assert.equal(formatDuration(4800), '4.8 s');
  assert.equal(formatDuration(59_960), '1m00s');
  assert.equal(formatDuration(72_000), '1m12s');
  assert.equal(formatClock(4400), '4s');
  assert.equal(formatClock(7_380_000), '2h03m');
  assert.equal(formatClock(3 * 86_400_000 + 4 * 3_600_000), '3d04h');
});

test('a hundred percent means that all is there', () => {
  assert.equal(formatPercent(0, 0), '0%');
  assert.equal(formatPercent(999, 1000), '99%');
  assert.equal(formatPercent(1000, 1000), '100%');
  assert.equal(formatPercent(1200, 1000), '100%');
  assert.equal(formatPercent(-1, 1000), '0%');
});

test('counts', () => {
  assert.equal(formatCount(1, 'image'), '1 image');
  assert.equal(formatCount(3120, 'blob'), '3,120 blobs');
});
