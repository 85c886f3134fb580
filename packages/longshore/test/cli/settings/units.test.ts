import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  parseCount,
  parseDuration,
  parseRate,
  parseSize,
  parseSwitch,
} from '../../../src/cli/settings/units.ts';

const value = <T>(parsed: { ok: true; value: T } | { ok: false; reason: string }): T | string =>
  parsed.ok ? parsed.value : parsed.reason;

test('sizes: powers of 1000 with B, of 1024 with iB and bare letters', () => {
  const table: Record<string, number> = {
    '0': 0,
    '500': 500,
    '500B': 500,
    '1KB': 1000,
    '1kb': 1000,
    '1K': 1024,
    '1KiB': 1024,
    '10MB': 10_000_000,
    '1.5GiB': 1_610_612_736,
    '1 TB': 1e12,
    '2G': 2_147_483_648,
  };
  for (const [text, bytes] of Object.entries(table))
    assert.equal(value(parseSize(text)), bytes, text);
});

test('sizes that are none say why', () => {
  assert.match(String(value(parseSize('ten'))), /is not a size/);
  assert.match(String(value(parseSize('10 parsecs'))), /"parsecs" is not a unit/);
  assert.match(String(value(parseSize('10Mbit'))), /is not a unit/);
  assert.match(String(value(parseSize('-1'))), /is not a size/);
  assert.match(String(value(parseSize('99999999PB'))), /is too large/);
  assert.match(String(value(parseSize(''))), /is not a size/);
});

test('a size that was printed in any unit is read back', () => {
  const units = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.constantFrom(...Object.entries(units)),
      (count, [unit, factor]) => {
        assert.equal(value(parseSize(`${count}${unit}`)), count * factor);
        assert.equal(value(parseSize(`${count} ${unit.toLowerCase()}`)), count * factor);
      },
    ),
  );
});

test('rates are sizes with or without /s, and never zero', () => {
  assert.equal(value(parseRate('10MB/s')), 10_000_000);
  assert.equal(value(parseRate('1MiB')), 1_048_576);
  assert.match(String(value(parseRate('0'))), /never end/);
  assert.match(String(value(parseRate('10/minute'))), /is not a rate/);
});

test('durations: units may be joined, and a number alone is refused', () => {
  assert.equal(value(parseDuration('30d')), 30 * 86_400_000);
  assert.equal(value(parseDuration('1h30m')), 5_400_000);
  assert.equal(value(parseDuration('500ms')), 500);
  assert.equal(value(parseDuration('1.5h')), 5_400_000);
  assert.equal(value(parseDuration('0')), 0);
  assert.match(String(value(parseDuration('30'))), /its unit is missing/);
  assert.match(String(value(parseDuration('soon'))), /is not a duration/);
});

test('a duration is the sum of its parts', () => {
  const part = fc.nat({ max: 10_000 });
  fc.assert(
    fc.property(part, part, part, (d, h, ms) => {
      const expected = d * 86_400_000 + h * 3_600_000 + ms;
      assert.equal(value(parseDuration(`${d}d${h}h${ms}ms`)), expected);
    }),
  );
});

test('counts go from 1 to their maximum', () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 400 }), (count) => {
      const parsed = parseCount(String(count), 256);
      assert.equal(parsed.ok, count >= 1 && count <= 256);
      if (parsed.ok) assert.equal(parsed.value, count);
    }),
  );
  for (const text of ['', '1.5', '1e2', 'four', '0x10'])
    assert.equal(parseCount(text, 256).ok, false);
});

test('no text makes a parser throw or return what is not finite', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseSize, parseRate, parseDuration]) {
        const parsed = parse(text);
        assert.ok(parsed.ok ? Number.isSafeInteger(parsed.value) : parsed.reason.length > 0);
      }
    }),
  );
});

test('switches', () => {
  for (const on of ['1', 'true', 'YES', 'on']) assert.equal(value(parseSwitch(on)), true);
  for (const off of ['0', 'false', 'no', 'Off']) assert.equal(value(parseSwitch(off)), false);
  assert.equal(parseSwitch('maybe').ok, false);
});
