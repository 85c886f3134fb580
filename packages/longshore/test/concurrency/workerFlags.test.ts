import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processFlags, threadFlags } from '../../src/concurrency/workerFlags.ts';

test('a worker takes over the flags of its parent, but not what the parent runs', () => {
  assert.deepEqual(
    processFlags(['--expose-gc', '--input-type=module', '--eval', 'x()', '-C', 'a']),
    ['--expose-gc', '-C', 'a'],
  );
  assert.deepEqual(processFlags(['--conditions=a', '-p', 'x']), ['--conditions=a']);
});

test('a thread inherits by itself, unless the parent runs code from its command line', () => {
  assert.equal(threadFlags(['--expose-gc', '--conditions=a']), undefined);
  assert.deepEqual(threadFlags(['--expose-gc', '--import', './a.ts', '-C', 'b', '-e', 'x']), [
    '--import',
    './a.ts',
    '-C',
    'b',
  ]);
});
