import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { COMMANDS, GROUPS } from '../../../src/cli/commands/table.ts';
import { completionModel } from '../../../src/cli/completion/model.ts';
import { optionsOf } from '../../../src/cli/program.ts';
import { cli } from '../support/cli.ts';

/** What bash would offer for the last of these words. */
async function complete(...words: readonly string[]): Promise<string[]> {
  const { stdout: script } = await cli(['completion', 'bash']);
  const program = `${script}
COMP_WORDS=(longshore "$@"); COMP_CWORD=$#; _longshore; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['--norc', '-c', program, 'bash', ...words],
    {
      encoding: 'utf8',
      timeout: 10_000,
    },
  );
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes commands, their options and the values of options', async () => {
  assert.deepEqual(await complete('pu'), ['pull', 'push']);
  assert.deepEqual(await complete('cache', ''), ['path', 'ls', 'verify', 'prune', 'clear']);
  assert.deepEqual(await complete('cache', 'prune', '--m'), ['--max-size']);
  assert.deepEqual(await complete('pull', '--progress', 'p'), ['plain']);
  assert.deepEqual(await complete('--store', 'pull', 'cache', 'v'), ['verify']);
  assert.deepEqual(await complete('completion', 'z'), ['zsh']);
  assert.deepEqual(await complete('pull', '--workers', ''), []);
  assert.deepEqual(await complete('pull', '--dry'), ['--dry-run']);
});

test('every script knows every command and every option', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout, exitCode } = await cli(['completion', shell]);
    assert.equal(exitCode, 0);
    for (const spec of COMMANDS) {
      assert.ok(stdout.includes(spec.name), `${shell}: ${spec.name}`);
      for (const name of optionsOf(spec)) {
        assert.ok(
          stdout.includes(shell === 'fish' ? `-l ${name}` : `--${name}`),
          `${shell}: ${name}`,
        );
      }
    }
  }
});

test('the model has a node for each command and group', () => {
  const paths = completionModel().map(({ path }) => path);
  assert.deepEqual(
    paths.toSorted(),
    ['', ...Object.keys(GROUPS), ...COMMANDS.map(({ name }) => name)].toSorted(),
  );
});
