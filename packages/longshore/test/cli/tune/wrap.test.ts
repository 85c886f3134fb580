import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wrap } from '../../../src/cli/tune/wrap.ts';

test('lines hold whole words, stand under their mark, and lose nothing', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 60 }),
      fc.constantFrom('', '- ', '! '),
      fc.integer({ min: 20, max: 120 }),
      (words, mark, columns) => {
        const lines = wrap(words.join(' '), columns, mark).split('\n');
        assert.ok(lines.every((line) => line.length <= columns));
        assert.ok(lines[0]?.startsWith(mark));
        const said = lines.map((line) => line.slice(mark.length));
        assert.deepEqual(said.join(' ').split(' '), words);
      },
    ),
  );
});

test('a word longer than a line stays whole', () => {
  assert.equal(
    wrap('see host/a/very/long/name now', 10, '- '),
    '- see\n  host/a/very/long/name\n  now',
  );
});
