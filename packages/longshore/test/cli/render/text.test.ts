import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cleanText,
  fitText,
  textWidth,
  truncateStart,
  truncateText,
} from '../../../src/cli/render/text.ts';

test('widths: wide scripts and emoji take two cells, combining marks none', () => {
  assert.equal(textWidth('plain'), 5);
  assert.equal(textWidth('日本語'), 6);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(textWidth('👩‍👩‍👧'), 2);
  assert.equal(textWidth('🚢'), 2);
  assert.equal(textWidth('█▏░…'), 4);
});

test('cutting keeps to the width and never splits a character', () => {
  assert.equal(truncateText('registry.example/name', 10), 'registry.…');
  assert.equal(truncateText('日本語', 5), '日本…');
  assert.equal(truncateText('日本語', 4), '日…');
  assert.equal(truncateStart('registry.example/name:12', 8), '…name:12');
  assert.equal(truncateText('abc', 0), '');
  const text = fc.string({ unit: 'grapheme' }).map(cleanText);
  fc.assert(
    fc.property(text, fc.nat({ max: 30 }), (original, width) => {
      assert.ok(textWidth(truncateText(original, width)) <= width);
      assert.ok(textWidth(truncateStart(original, width)) <= width);
      assert.equal(textWidth(fitText(original, width)), width);
      assert.equal(truncateText(original, textWidth(original)), original);
    }),
  );
});

test('nothing that steers a terminal gets through', () => {
  assert.equal(cleanText('a\u001B[31mred\u001B[0m\u0007b'), 'ared b');
  assert.equal(cleanText('two\r\nlines\u2028three'), 'two lines three');
  assert.equal(cleanText('abc\u202Efed'), 'abc fed');
  assert.equal(cleanText('\u009B2Jx'), 'x');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(cleanText(text), /[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u);
    }),
  );
});
