import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatIngestState,
  formatPiece,
  parseIngestState,
  parsePieces,
  trustedRanges,
} from '../../src/store/ingestRecord.ts';
import { RangeSet } from '../../src/store/rangeSet.ts';
import { randomDigest } from './support.ts';

test('pieces cut off anywhere lose nothing but their torn last line', () => {
  const piece = fc.tuple(fc.nat(1e9), fc.nat(1e6)).map(([start, n]) => ({ start, end: start + n }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(400), (pieces, cut) => {
      const lines = pieces.map(formatPiece);
      const text = lines.join('').slice(0, cut);
      const whole = pieces.filter((_, i) => lines.slice(0, i + 1).join('').length <= cut);
      assert.deepEqual(parsePieces(text).toArray(), new RangeSet(whole).toArray());
    }),
  );
});

test('pieces may hold anything', () => {
  assert.deepEqual(
    parsePieces('x\n5 3\n-1 4\n0 10\n1 2 3\n1e3 2e3\n\n20 30\n99999999999999999 1\n').toArray(),
    [
      { start: 0, end: 10 },
      { start: 20, end: 30 },
    ],
  );
  fc.assert(fc.property(fc.string(), (text) => parsePieces(text).bytes >= 0));
});

test('state reads back as it was written, and damage is not taken for state', () => {
  const state = {
    digest: randomDigest(),
    size: 1000,
    bootId: 'a',
    synced: [{ start: 0, end: 500 }],
    checkpoints: [{ offset: 400, prefix: randomDigest() }],
  };
  assert.deepEqual(parseIngestState(formatIngestState(state)), state);
  const unknown = { ...state, bootId: undefined };
  assert.deepEqual(parseIngestState(formatIngestState(unknown)), unknown);
  fc.assert(fc.property(fc.json(), (text) => parseIngestState(text) === undefined));
  const text = formatIngestState(state);
  fc.assert(
    fc.property(fc.nat(text.trimEnd().length - 1), (cut) => {
      assert.equal(parseIngestState(text.slice(0, cut)), undefined);
    }),
  );
});

test('after another boot only what was synced is trusted', () => {
  const digest = randomDigest();
  const pieces = new RangeSet([{ start: 0, end: 80 }]);
  const synced = [{ start: 0, end: 50 }];
  const state = { digest, size: 100, bootId: 'one', synced, checkpoints: [] };
  const bytes = (bootId: string | undefined, dataBytes: number, size = 100): number =>
    trustedRanges({ state, pieces, dataBytes }, { digest, size }, bootId).bytes;
  assert.equal(bytes('one', 100), 80);
  assert.equal(bytes('two', 100), 50);
  assert.equal(bytes(undefined, 100), 50);
  assert.equal(bytes('one', 30), 30, 'not beyond the end of the file');
  assert.equal(bytes('one', 100, 101), 0, 'not for another size');
  const other = trustedRanges(
    { state, pieces, dataBytes: 100 },
    { digest: randomDigest(), size: 100 },
    'one',
  );
  assert.equal(other.bytes, 0, 'not for another blob');
  const nothing = trustedRanges(
    { state: undefined, pieces, dataBytes: 100 },
    { digest, size: 100 },
    'one',
  );
  assert.equal(nothing.bytes, 0, 'not without state');
});
