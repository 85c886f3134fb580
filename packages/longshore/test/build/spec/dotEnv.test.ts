import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseDotEnv } from '../../../src/build/spec/compose/dotEnv.ts';

const parse = (lines: readonly string[], environment: Record<string, string> = {}) => {
  const { values, problems } = parseDotEnv(lines.join('\n'), environment);
  return { values: Object.fromEntries(values), problems };
};

test('all forms of a line', () => {
  const { values, problems } = parse(
    [
      '# comment',
      '',
      'A=1',
      '  export B = two words  # and a comment',
      'C: yaml',
      'D=a#b',
      'E=',
      'F=# nothing',
      "G='$A # \\'kept\\''",
      'H="$A\\t\\"x\\" \\$A # kept"',
      'I="over',
      'lines"',
      'J=${A}${B:-no}${NONE:-d}',
      'FROM_ENV',
      'NOT_THERE',
      'with.dots-and[0]=x',
    ],
    { FROM_ENV: 'env' },
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(values, {
    A: '1',
    B: 'two words',
    C: 'yaml',
    D: 'a#b',
    E: '',
    F: '',
    G: "$A # 'kept'",
    H: '1\t"x" $A # kept',
    I: 'over\nlines',
    J: '1two wordsd',
    FROM_ENV: 'env',
    'with.dots-and[0]': 'x',
  });
});

test('the environment wins within the file too', () => {
  assert.deepEqual(parse(['A=file', 'B=$A'], { A: 'env' }).values, { A: 'file', B: 'env' });
});

test('what is wrong is told with its line, and the rest is read', () => {
  const { values, problems } = parse(['A=1', 'no key', 'B=${A', 'C=3', 'D="open']);
  assert.deepEqual(values, { A: '1', C: '3' });
  assert.deepEqual(
    problems.map(({ line, message }) => `${line}: ${message.replace(/;.*/, '')}`),
    [
      '2: expected KEY=value',
      '3: "${A" is no variable that can be interpolated',
      '5: a quoted value has no closing "',
    ],
  );
});

test('values in single quotes are as they are', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[^'\\\r]*$/), (text) => {
      assert.deepEqual(parse([`A='${text}'`, 'B=2']).values, { A: text, B: '2' });
    }),
  );
});
