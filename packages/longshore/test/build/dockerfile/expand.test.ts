import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { expandWord, expandWords } from '../../../src/build/dockerfile/expand.ts';

const variables: Readonly<Record<string, string>> = {
  A: 'alpha',
  E: '',
  P: '/usr/lib/x.tar.gz',
  TWO: 'one two',
};
const options = {
  escape: '\\',
  lookup: (name: string) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
};

const table: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['$A-$NONE.', 'alpha-.'],
  ['${A}b', 'alphab'],
  ['$', '$'],
  ['$.x', '$.x'],
  ['\\$A', '$A'],
  ["'$A'", '$A'],
  ['"$A \\$A \\n"', 'alpha $A \\n'],
  ['${NONE:-d} ${NONE-d} ${E:-d} ${E-d} ${A:-d}', 'd d d  alpha'],
  ['${NONE:+d}${NONE+d}${E:+d}${E+d}${A:+d}', 'dd'],
  ['${NONE:-${E:-${A}}}', 'alpha'],
  ['${A:?no}${E?no}', 'alpha'],
  ['${P#*/}', 'usr/lib/x.tar.gz'],
  ['${P##*/}', 'x.tar.gz'],
  ['${P%.*}', '/usr/lib/x.tar'],
  ['${P%%.*}', '/usr/lib/x'],
  ['${P/lib/bin}', '/usr/bin/x.tar.gz'],
  ['${P//\\//-}', '-usr-lib-x.tar.gz'],
  ['${A%\\*}', 'alpha'],
  ['${NONE:-"a}b"}', 'a}b'],
];

for (const [input, wanted] of table) {
  test(`${input} is ${JSON.stringify(wanted)}`, () => {
    assert.equal(expandWord(input, options), wanted);
  });
}

test('what cannot be expanded says why', () => {
  const refused = (word: string, reason: RegExp): void => {
    assert.throws(() => expandWord(word, options), {
      code: 'ERR_DOCKERFILE_INVALID',
      message: reason,
    });
  };
  refused('${A', /is not an expansion that exists/);
  refused('${A:-b', /} is missing/);
  refused('${}', /name of a variable is missing/);
  refused('${A!}', /is not an expansion/);
  refused('"a', /closing " is missing/);
  refused("'a", /closing ' is missing/);
  refused('${NONE:?say so}', /NONE: say so/);
});

test('words split at blanks outside of quotes, also at those of variables', () => {
  assert.deepEqual(expandWords('a  $TWO "$TWO" \'\' b\\ c', options), [
    'a',
    'one',
    'two',
    'one two',
    '',
    'b c',
  ]);
});

test('text without special characters, or in single quotes, stays as it is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[^'"$\\]*$/), (text) => {
      assert.equal(expandWord(text, options), text);
      assert.equal(expandWord(`'${text}$A\\'`, options), `${text}$A\\`);
    }),
  );
});

test('defaults nest as a model says', () => {
  const name = fc.constantFrom('A', 'E', 'NONE');
  const operator = fc.constantFrom(':-', '-', ':+', '+');
  const model = (of: string, op: string, word: string): string => {
    const value = options.lookup(of);
    const set = op.startsWith(':') ? Boolean(value) : value !== undefined;
    if (op.endsWith('-')) return set ? (value ?? '') : word;
    return set ? word : '';
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(name, operator), { minLength: 1, maxLength: 6 }), (levels) => {
      const text = levels.reduce((inner, [of, op]) => `\${${of}${op}${inner}}`, 'end');
      const wanted = levels.reduce((inner, [of, op]) => model(of, op, inner), 'end');
      assert.equal(expandWord(text, options), wanted);
    }),
  );
});
