import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { shellQuote } from '../../src/cli/shellQuote.ts';

test('a shell reads back the words that were quoted', () => {
  const words = [
    'pull',
    'debian:12',
    'two words',
    "it's",
    '$HOME `x` "y" \\',
    '',
    'a\nb',
    '*',
    '~',
  ];
  const { stdout } = spawnSync('sh', ['-c', String.raw`printf '%s\0' ${shellQuote(words)}`], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  assert.deepEqual(stdout.split('\0').slice(0, -1), words);
  assert.equal(shellQuote(['pull', 'host:5000/a@sha256:ab']), 'pull host:5000/a@sha256:ab');
});
