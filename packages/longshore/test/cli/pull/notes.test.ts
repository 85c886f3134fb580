import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseNotes } from '../../../src/cli/pull/notes.ts';

test('what many images lost is one line, and does not hide what one has lost', () => {
  const lost = (image: string, message: string) => ({ image, message });
  const notes = ['a', 'b', 'c', 'd'].map((image) => lost(image, 'owners were left out'));
  assert.deepEqual(
    summariseNotes([
      ...notes,
      lost('c', 'devices were left out'),
      lost('c', 'devices were left out'),
    ]),
    ['4 images: owners were left out (a, b, c, ...)', 'c: devices were left out'],
  );
  assert.deepEqual(summariseNotes([]), []);
});
