import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { interpolate } from '../../../src/build/spec/compose/interpolate.ts';

const variables: Readonly<Record<string, string>> = { A: 'alpha', E: '', _u1: 'under' };
const lookup = (name: string): string | undefined =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;

const table: readonly (readonly [text: string, wanted: string, unset?: readonly string[]])[] = [
  ['plain', 'plain'],
  ['$A ${A} $A.$_u1', 'alpha alpha alpha.under'],
  ['$N${N}', '', ['N', 'N']],
  ['${N:-d} ${N-d} ${E:-d} ${E-d} ${A:-d} ${A-d}', 'd d d  alpha alpha'],
  ['${N:+d}|${N+d}|${E:+d}|${E+d}|${A:+d}|${A+d}', '||| d|d|d'.replace(' ', '')],
  ['${A:?m}${E?m}', 'alpha'],
  ['${N:-${E:-${A}}}', 'alpha'],
  ['${A:-${N}}', 'alpha'],
  ['${N:-$N}', '', ['N']],
  ['${N:-a:-b?c+d}', 'a:-b?c+d'],
  ['${N:-{"a": {}}}', '{"a": {}}'],
  ['$$A $${A} $$$A', '$A ${A} $alpha'],
  ['5$ $1 $.', '5$ $1 $.'],
];

for (const [text, wanted, unset = []] of table) {
  test(`${text} is ${JSON.stringify(wanted)}`, () => {
    assert.deepEqual(interpolate(text, lookup), { ok: true, text: wanted, unset });
  });
}

test('what is wrong is said', () => {
  const message = (text: string): string => {
    const result = interpolate(text, lookup);
    assert.ok(!result.ok, text);
    return result.message;
  };
  assert.equal(message('${N:?say so}'), 'the variable N has to be set: say so');
  assert.equal(message('${E:?}'), 'the variable E has to be set');
  assert.equal(message('${N?${A}}'), 'the variable N has to be set: alpha');
  const hint = '; a dollar that is no variable is written $$';
  assert.equal(message('x${A'), `"\${A" is no variable that can be interpolated${hint}`);
  assert.equal(message('${1}'), `"\${1}" is no variable that can be interpolated${hint}`);
  assert.equal(message('${A.b}'), `"\${A.b}" is no variable that can be interpolated${hint}`);
});

/** A text as the parts that it is made of, and what a shell's words would make of them. */
interface Part {
  readonly text: string;
  readonly value: string;
}

const literal = fc
  .stringMatching(/^[a-z:?+\- ]{0,4}$/)
  .map((text): Part => ({ text, value: text }));
const dollar = fc.constant<Part>({ text: '$$', value: '$' });
const name = fc.constantFrom('A', 'E', 'N', '_u1');
const operator = fc.constantFrom(':-', '-', ':+', '+');
const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4 },
    literal,
    dollar,
    name.map((one): Part => ({ text: `\${${one}}`, value: lookup(one) ?? '' })),
    fc.tuple(name, operator, tie('part')).map(([one, op, word]): Part => {
      const value = lookup(one);
      const set = op.length === 2 ? value !== undefined && value !== '' : value !== undefined;
      const instead = op.endsWith('-') ? (set ? (value ?? '') : word.value) : set ? word.value : '';
      return { text: `\${${one}${op}${word.text}}`, value: instead };
    }),
  ),
}));

test('any nesting comes to what a model of its parts says', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const result = interpolate(parts.map(({ text }) => text).join(''), lookup);
      assert.ok(result.ok);
      assert.equal(result.text, parts.map(({ value }) => value).join(''));
    }),
  );
});

test('a text that is escaped comes back', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const result = interpolate(text.replaceAll('$', '$$$$'), lookup);
      assert.deepEqual(result, { ok: true, text, unset: [] });
    }),
  );
});
