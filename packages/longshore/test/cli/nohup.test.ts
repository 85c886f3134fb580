import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outlivesTerminal, type StartFacts } from '../../src/cli/nohup.ts';

const HEARS = 'Name:\tbash\nSigIgn:\t0000000000380004\nSigCgt:\t000000004b817efb\n';
const DEAF = 'Name:\tnightly.sh\nSigIgn:\t0000000000380005\nSigCgt:\t000000004b817efa\n';

function facts(
  files: Readonly<Record<string, string>>,
  { env = {}, input = '/dev/null' }: { env?: Record<string, string>; input?: string } = {},
): StartFacts {
  const readText = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT ${path}`);
    return text;
  };
  return { env, parentPid: 77, readText, readLink: () => input };
}

test('a process is to outlive its terminal where anything says so', () => {
  const shell = { '/proc/77/status': HEARS };
  const flags = (text: string): StartFacts =>
    facts({ ...shell, '/proc/self/fdinfo/0': `pos:\t0\nflags:\t${text}\nmnt_id:\t28\n` });
  assert.equal(outlivesTerminal(facts(shell, { env: { _: '/usr/bin/nohup' } })), true);
  assert.equal(outlivesTerminal(facts({ '/proc/77/status': DEAF })), true);
  assert.equal(outlivesTerminal(flags('02100001')), true, 'what nohup gives as input');

  assert.equal(outlivesTerminal(facts(shell, { env: { _: '/usr/bin/longshore' } })), false);
  assert.equal(outlivesTerminal(flags('02100000')), false, 'longshore < /dev/null');
  assert.equal(outlivesTerminal(facts({})), false, 'no /proc');
});

test('an output that happens to be its input is no trace of nohup', () => {
  const input = { '/proc/self/fdinfo/0': 'flags:\t0100001\n' };
  assert.equal(outlivesTerminal(facts(input, { input: '/home/me/log' })), false);
});
