import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, exitCodeOf, Interrupted } from '../../src/cli/exitCodes.ts';
import { describeError } from '../../src/cli/failures.ts';
import { type ErrorOrigin, LongshoreError } from '../../src/errors.ts';

const reportTo = 'https://example.test/issues';

test('exit codes follow the table', () => {
  const of = (code: string, origin?: ErrorOrigin) =>
    exitCodeOf(new LongshoreError('x', { code, origin }));
  assert.equal(of('ERR_USAGE', 'input'), EXIT.usage);
  assert.equal(of('ERR_CONFIG'), EXIT.usage);
  assert.equal(of('ERR_REFERENCE_INVALID', 'input'), EXIT.usage);
  assert.equal(of('ERR_STORE_NOT_WRITABLE', 'store'), EXIT.cannotStart);
  assert.equal(of('ERR_DISK_TOO_SMALL', 'disk'), EXIT.cannotStart);
  assert.equal(of('ERR_NOT_FOUND', 'registry'), EXIT.failed);
  assert.equal(of('ERR_NETWORK', 'network'), EXIT.failed);
  assert.equal(exitCodeOf(new Interrupted()), EXIT.interrupted);
  assert.equal(exitCodeOf(new TypeError('x')), EXIT.failed);
});

test('an error for a person is one line; its cause only with --verbose', () => {
  const error = new LongshoreError('The store is \u001B[31mred', {
    code: 'ERR_STORE',
    hint: 'Paint it',
    cause: new Error('rust'),
  });
  const brief = describeError(error, { verbose: false, reportTo });
  assert.equal(brief, 'longshore: The store is red. Paint it');
  const long = describeError(error, { verbose: true, reportTo });
  assert.match(long, /code: ERR_STORE\n {2}because: rust/);
  assert.doesNotMatch(long, / at /);
});

test('the problems of a specification have a line each', () => {
  const error = new LongshoreError('2 problems:\n  a:1:1: one\n  b:2:2: \u001B[31mtwo', {
    code: 'ERR_SPEC_INVALID',
  });
  assert.equal(
    describeError(error, { verbose: false, reportTo }),
    'longshore: 2 problems:\n  a:1:1: one\n  b:2:2: two',
  );
});

test('a bug says so and where to report it; its stack only with --verbose', () => {
  const bug = new TypeError('x is undefined');
  const brief = describeError(bug, { verbose: false, reportTo });
  assert.match(brief, /this is a bug: TypeError: x is undefined/);
  assert.match(brief, /https:\/\/example\.test\/issues/);
  assert.doesNotMatch(brief, /failures\.test/);
  assert.match(describeError(bug, { verbose: true, reportTo }), /failures\.test/);
});

test('an interruption is no bug', () => {
  const text = describeError(new Interrupted(), { verbose: true, reportTo });
  assert.equal(text, 'longshore: interrupted');
});
