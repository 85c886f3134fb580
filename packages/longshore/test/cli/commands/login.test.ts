import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { cli } from '../support/cli.ts';
import { stage } from '../support/stage.ts';

const timeout = 30_000;
const auth = { kind: 'basic', users: { me: 'open sesame' } } as const;

test('login checks and saves, pull uses it, logout forgets', { timeout }, async (t) => {
  const { host, cwd, store } = await stage(t, { auth });
  const env = { DOCKER_CONFIG: path.join(cwd, 'docker') };
  const file = path.join(cwd, 'docker', 'config.json');
  const login = ['login', host, '--username', 'me', '--password-stdin'];
  const pull = ['pull', `${host}/app/one:1`, '--store', store];

  const refused = await cli(pull, { cwd, env });
  assert.equal(refused.exitCode, 1);
  const wrong = await cli(login, { cwd, env, stdin: 'guess\n' });
  assert.equal(wrong.exitCode, 1);
  assert.doesNotMatch(wrong.stderr + wrong.stdout, /guess/);
  await assert.rejects(stat(file));

  const right = await cli(login, { cwd, env, stdin: 'open sesame\n' });
  assert.equal(right.exitCode, 0, right.stderr);
  assert.equal(right.stderr, `Logged in to ${host} as me; saved in ${file}\n`);
  assert.equal((await stat(file)).mode & 0o077, 0);
  assert.equal((await cli(pull, { cwd, env })).exitCode, 0);

  const out = await cli(['logout', host], { cwd, env });
  assert.equal(out.stderr, `Removed the credentials of ${host} from ${file}\n`);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')).auths, {});
  const again = await cli(['logout', host], { cwd, env });
  assert.match(again.stderr, /There are no credentials/);
});

test('logout says where credentials are left', { timeout }, async (t) => {
  const { host, cwd } = await stage(t);
  const encoded = Buffer.from('me:secret word').toString('base64');
  const env = {
    DOCKER_CONFIG: path.join(cwd, 'docker'),
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth: encoded } } }),
  };
  const { stderr } = await cli(['logout', host], { cwd, env });
  assert.match(stderr, /DOCKER_AUTH_CONFIG still has credentials/);
  assert.doesNotMatch(stderr, /secret word/);
});

test('where nobody can be asked, login says what to give', async () => {
  const silent = await cli(['login', 'registry.example']);
  assert.equal(silent.exitCode, 2);
  assert.match(silent.stderr, /no terminal.*--password-stdin/);
  const nameless = await cli(['login', 'registry.example', '--password-stdin'], { stdin: 'x' });
  assert.match(nameless.stderr, /needs --username/);
  const empty = await cli(['login', 'registry.example', '--username', 'me', '--password-stdin']);
  assert.match(empty.stderr, /is empty/);
  const address = await cli(['login', 'https://registry.example/v2/']);
  assert.match(address.stderr, /is not a host.*without https/);
});
