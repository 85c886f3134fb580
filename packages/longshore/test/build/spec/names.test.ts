import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseByteSize } from '../../../src/build/spec/byteSize.ts';
import { splitCsv } from '../../../src/build/spec/csvFields.ts';
import { matchesGlob } from '../../../src/build/spec/glob.ts';
import { nameImage, normaliseName } from '../../../src/build/spec/names.ts';
import { parseReference } from '../../../src/image/index.ts';

test('a prefix is for names without a registry, a tag for all', () => {
  const names = (tags: readonly string[], naming: Parameters<typeof nameImage>[1]) =>
    nameImage({ name: 'My App', tags }, naming);
  assert.deepEqual(names(['a/b:1', 'c'], {}), ['a/b:1', 'c']);
  assert.deepEqual(names([], {}), []);
  assert.deepEqual(names([], { tag: 'x' }), []);
  assert.deepEqual(names([], { registryPrefix: 'ghcr.io/me' }), ['ghcr.io/me/my-app:latest']);
  assert.deepEqual(
    names(['a/b:1', 'localhost/c:1', 'h.io/d', '[::1]:5000/e:2', 'f:5'], {
      registryPrefix: 'r.io/',
    }),
    ['r.io/a/b:1', 'localhost/c:1', 'h.io/d', '[::1]:5000/e:2', 'r.io/f:5'],
  );
  assert.deepEqual(names(['h:5000/a', 'h:5000/a:1', 'b:1'], { tag: 'v2' }), [
    'h:5000/a:v2',
    'b:v2',
  ]);
});

test('any name becomes one that a repository can have, and stays it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (name) => {
      const plain = normaliseName(name);
      assert.equal(parseReference(`h.io/${plain}`).repository, plain);
      assert.equal(normaliseName(plain), plain);
    }),
  );
  assert.equal(normaliseName('Äpps/Web UI/_x__y..z-'), 'a-pps/web-ui/x__y.z');
});

test('patterns match within a part, two stars over parts', () => {
  const matching = (pattern: string) =>
    ['web', 'web-a', 'web-b', 'a/web', 'a.b'].filter((name) => matchesGlob(pattern, name));
  assert.deepEqual(matching('web*'), ['web', 'web-a', 'web-b']);
  assert.deepEqual(matching('*'), ['web', 'web-a', 'web-b', 'a.b']);
  assert.deepEqual(matching('**web'), ['web', 'a/web']);
  assert.deepEqual(matching('web-[a]'), ['web-a']);
  assert.deepEqual(matching('web-[^a]'), ['web-b']);
  assert.deepEqual(matching('a?b'), ['a.b']);
  assert.deepEqual(matching('a.b'), ['a.b']);
  assert.deepEqual(matching('[z-a]'), []);
});

test('fields are split as Go splits CSV', () => {
  assert.deepEqual(splitCsv('a=1,"b=2,3",c="x"'), ['a=1', 'b=2,3', 'c="x"']);
  assert.deepEqual(splitCsv('"a""b",'), ['a"b', '']);
  assert.equal(splitCsv('"a'), undefined);
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
      const text = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',');
      assert.deepEqual(splitCsv(text), fields);
    }),
  );
});

test('sizes have powers of 1024', () => {
  const sizes = ['0', '64', '1k', '128m', '1.5GB', '2GiB', '1 kb', '1t'].map(parseByteSize);
  const wanted = [0, 64, 1024, 128 * 1024 ** 2, 1.5 * 1024 ** 3, 2 * 1024 ** 3, 1024, 1024 ** 4];
  assert.deepEqual(sizes, wanted);
  assert.deepEqual(['', 'm', '1x', '-1', '1e3'].map(parseByteSize), Array(5).fill(undefined));
});
