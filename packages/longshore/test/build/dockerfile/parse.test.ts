import assert from 'node:assert/strict';
import test from 'node:test';
import { parseDockerfile, parseOnbuild } from '../../../src/build/dockerfile/parse.ts';
import { BuildInputError } from '../../../src/build/problems.ts';

const parse = (...lines: string[]) => parseDockerfile(lines.join('\n'), 'Dockerfile');

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof BuildInputError, String(error));
    assert.equal(error.code, 'ERR_DOCKERFILE_INVALID');
    return error.problems.map(({ place, message }) => `${place.line}: ${message}`);
  }
  return [];
}

test('instructions have their line, flags, form and text', () => {
  const { instructions } = parse(
    '# a comment',
    '',
    'from --platform=$BUILDPLATFORM debian:12 AS base',
    'COPY --from=base --chown="a b" --link src/ /dst/',
    'RUN ["sh", "-c", "true"]',
    'CMD [not json]',
    'RUN -- --odd',
  );
  assert.deepEqual(
    instructions.map(({ keyword, line, flags, text, json }) => ({
      keyword,
      line,
      flags,
      text,
      json,
    })),
    [
      {
        keyword: 'FROM',
        line: 3,
        flags: [{ name: 'platform', value: '$BUILDPLATFORM' }],
        text: 'debian:12 AS base',
        json: undefined,
      },
      {
        keyword: 'COPY',
        line: 4,
        flags: [{ name: 'from', value: 'base' }, { name: 'chown', value: 'a b' }, { name: 'link' }],
        text: 'src/ /dst/',
        json: undefined,
      },
      {
        keyword: 'RUN',
        line: 5,
        flags: [],
        text: '["sh", "-c", "true"]',
        json: ['sh', '-c', 'true'],
      },
      { keyword: 'CMD', line: 6, flags: [], text: '[not json]', json: undefined },
      { keyword: 'RUN', line: 7, flags: [], text: '--odd', json: undefined },
    ],
  );
});

test('lines are continued over comments and empty lines', () => {
  const { instructions } = parse(
    'FROM a',
    'RUN one \\',
    '  # not this',
    '',
    '  two \\  ',
    ' three',
    'USER b',
  );
  assert.deepEqual(
    instructions.map(({ text, line, endLine }) => [text, line, endLine]),
    [
      ['a', 1, 1],
      ['one   two  three', 2, 6],
      ['b', 7, 7],
    ],
  );
});

test('an escaped escape does not continue, and # escape= changes the character', () => {
  assert.equal(parse('FROM a', 'RUN c:\\\\', 'USER b').instructions.length, 3);
  const windows = parse('# escape=`', 'FROM a', 'COPY x c:\\', 'RUN one `', 'two');
  assert.equal(windows.escape, '`');
  assert.deepEqual(
    windows.instructions.map(({ text }) => text),
    ['a', 'x c:\\', 'one two'],
  );
});

test('directives end at the first line that is none', () => {
  assert.equal(parse('# syntax=docker/dockerfile:1', 'FROM a').syntax, 'docker/dockerfile:1');
  assert.equal(parse('#!/bin/x', '#SYNTAX = a/b', 'FROM a').syntax, 'a/b');
  assert.equal(parse('# comment', '# syntax=a/b', 'FROM a').syntax, undefined);
  assert.equal(parse('', '# escape=`', 'FROM a').escape, '\\');
});

test('heredocs are taken with their instruction', () => {
  const { instructions } = parse(
    'FROM a',
    'COPY <<one.txt <<-"TWO" /dst/',
    'first $X',
    'one.txt',
    '\t\tsecond',
    '\tTWO',
    'RUN 3<<EOF cat',
    '# kept',
    'EOF',
    'RUN echo $((1<<2)) "<<no"',
    'USER b',
  );
  assert.deepEqual(
    instructions.map(({ keyword, heredocs, endLine }) => [keyword, heredocs, endLine]),
    [
      ['FROM', [], 1],
      [
        'COPY',
        [
          { name: 'one.txt', expand: true, content: 'first $X\n' },
          { name: 'TWO', expand: false, content: 'second\n' },
        ],
        6,
      ],
      ['RUN', [{ name: 'EOF', expand: true, content: '# kept\n' }], 9],
      ['RUN', [], 10],
      ['USER', [], 11],
    ],
  );
});

test('ONBUILD holds an instruction', () => {
  const dockerfile = parse('FROM a', 'ONBUILD COPY --link <<x /y', 'text', 'x', 'ONBUILD FROM b');
  const [, copy, from] = dockerfile.instructions;
  assert.ok(copy !== undefined && from !== undefined);
  const inner = parseOnbuild(copy, dockerfile);
  assert.equal(inner.keyword, 'COPY');
  assert.deepEqual(inner.flags, [{ name: 'link' }]);
  assert.equal(inner.heredocs[0]?.content, 'text\n');
  assert.deepEqual(
    problemsOf(() => parseOnbuild(from, dockerfile)),
    ['5: ONBUILD takes an instruction, none of ONBUILD, FROM, MAINTAINER; not FROM'],
  );
});

test('all that is wrong is told at once', () => {
  assert.deepEqual(
    problemsOf(() => parse('# escape=x', 'FROM a', 'COPPY b c', 'USER', 'RUN <<EOF', 'true')),
    [
      '1: # escape= is \\ or `, not x',
      '3: unknown instruction COPPY; did you mean COPY?',
      '4: USER needs arguments',
      '5: the heredoc EOF has no end',
    ],
  );
});

test('another language is not judged', () => {
  const { instructions, syntax } = parse('# syntax=example.org/mine', 'FROM a', 'INCLUDE b');
  assert.equal(syntax, 'example.org/mine');
  assert.deepEqual(
    instructions.map(({ keyword }) => keyword),
    ['FROM', 'INCLUDE'],
  );
});

test('a byte order mark and Windows line ends do no harm', () => {
  const { instructions } = parseDockerfile(
    '\u{FEFF}FROM a\r\nRUN one \\\r\n two\r\n',
    'Dockerfile',
  );
  assert.deepEqual(
    instructions.map(({ keyword, text }) => [keyword, text]),
    [
      ['FROM', 'a'],
      ['RUN', 'one  two'],
    ],
  );
});
