import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatReference, isRegistryHost, parseReference } from '../../src/image/index.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['debian', 'docker.io/library/debian:latest'],
    ['debian:12', 'docker.io/library/debian:12'],
    ['owner/name', 'docker.io/owner/name:latest'],
    ['docker.io/debian', 'docker.io/library/debian:latest'],
    ['index.docker.io/owner/name:1', 'docker.io/owner/name:1'],
    ['ghcr.io/a/b/c:v1.0', 'ghcr.io/a/b/c:v1.0'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['LOCALHOSTED/x', 'LOCALHOSTED/x:latest'],
    ['127.0.0.1:5000/x/y:z', '127.0.0.1:5000/x/y:z'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ['[2001:db8::1]/x:t', '[2001:db8::1]/x:t'],
    [`debian@sha256:${HEX}`, `docker.io/library/debian@sha256:${HEX}`],
    [`debian:12@sha256:${HEX}`, `docker.io/library/debian:12@sha256:${HEX}`],
    [`x.y:1/z@sha512:${HEX}${HEX}`, `x.y:1/z@sha512:${HEX}${HEX}`],
    ['a--b/c__d.e', 'docker.io/a--b/c__d.e:latest'],
    [`a:${'t'.repeat(128)}`, `docker.io/library/a:${'t'.repeat(128)}`],
  ];
  for (const [text, whole] of cases) {
    test(`reads ${text.slice(0, 40)}`, () => {
      assert.equal(formatReference(parseReference(text)), whole);
    });
  }

  const refused: readonly string[] = [
    '',
    ':tag',
    '@sha256:x',
    'Debian',
    'docker.io/Debian',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a:b:c',
    'a..b',
    'a___b',
    '-a',
    'a-',
    '../etc/passwd',
    'host.example/../x',
    'localhost:99999/x',
    'localhost:0/x',
    'localhost:/x',
    '[::1/x',
    '[::1]',
    '[::1]:5000',
    'exa mple.com/x',
    'https://docker.io/debian',
    'user@host.example/x',
    `a:${'t'.repeat(129)}`,
    'a:.t',
    `a@sha256:${HEX}a`,
    `a@sha256:${HEX.toUpperCase()}`,
    'a@sha256:../../x',
    `a@md5:${'a'.repeat(32)}`,
    `${'a/'.repeat(140)}a`,
    `a:${'t'.repeat(2000)}`,
    'a\n',
    'a:b\n',
    'a b',
    '\u0000',
  ];
  for (const text of refused) {
    test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseReference(text), { code: 'ERR_REFERENCE_INVALID' });
    });
  }

  test('says what is wrong', () => {
    assert.throws(() => parseReference('Debian:12'), /repository names are lower case/);
    assert.throws(() => parseReference('debian:12:13'), /"12:13" is not a tag/);
  });
});

const letters = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const component = fc
  .tuple(
    letters,
    fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '--'), letters), { maxLength: 2 }),
  )
  .map(([first, rest]) => first + rest.map(([separator, word]) => separator + word).join(''));
const host = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2,4}$/),
  fc
    .tuple(fc.stringMatching(/^[a-z0-9]{1,8}$/), fc.integer({ min: 1, max: 65_535 }))
    .map(([h, p]) => `${h}:${p}`),
  fc.constantFrom('localhost', '[::1]', '[fe80::1]:8080', '10.0.0.1:5000'),
);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);

test('whatever the grammar makes is read and printed back unchanged', () => {
  const name = fc.tuple(host, fc.array(component, { minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(
      name,
      fc.option(tag, { nil: undefined }),
      fc.option(digest, { nil: undefined }),
      ([h, path], t, d) => {
        const text = `${h}/${path.join('/')}${t === undefined ? '' : `:${t}`}${d === undefined ? '' : `@${d}`}`;
        const whole = formatReference(parseReference(text));
        assert.equal(whole, t === undefined && d === undefined ? `${text}:latest` : text);
        assert.deepEqual(parseReference(whole), parseReference(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test('arbitrary text is refused or understood in a way that is stable and free of path tricks', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      let whole: string;
      try {
        whole = formatReference(parseReference(text));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_REFERENCE_INVALID');
        return;
      }
      assert.equal(formatReference(parseReference(whole)), whole);
      assert.doesNotMatch(whole, /\.\.|\\|\s|%|\/\//);
    }),
    { numRuns: 3000 },
  );
});

test('isRegistryHost knows hosts from other text', () => {
  for (const good of ['a', 'a.b', 'a:1', '[::]:80', '1.2.3.4'])
    assert.equal(isRegistryHost(good), true, good);
  for (const bad of ['', 'a/b', 'a:', 'a:0', 'a:70000', '-a', 'a@b', 'a b', '[::1', 'http://a']) {
    assert.equal(isRegistryHost(bad), false, bad);
  }
});
