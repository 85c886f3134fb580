import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { proxySettings } from '../../src/cli/connect.ts';
import { credentialPlaces } from '../../src/cli/credentialPlaces.ts';
import { Interrupted } from '../../src/cli/exitCodes.ts';
import { ask, askYesNo } from '../../src/cli/prompt.ts';
import { findPlaces } from '../../src/cli/settings/places.ts';
import { respond, startRawServer } from '../registry/support/rawServer.ts';
import { cli, temporaryDirectory } from './support/cli.ts';

test('proxies are read in both cases, the lower one first', () => {
  const env = { HTTP_PROXY: 'http://upper', http_proxy: 'http://lower', HTTPS_PROXY: 'http://tls' };
  assert.deepEqual(proxySettings(env), {
    http: 'http://lower',
    https: 'http://tls',
    none: undefined,
    sources: { http: 'http_proxy', https: 'HTTPS_PROXY' },
  });
  assert.equal(proxySettings({ NO_PROXY: 'a,b' }).none, 'a,b');
});

test('the address of a proxy that cannot be used ends a command before it starts', async (t) => {
  const cwd = await temporaryDirectory(t);
  for (const [env, told] of [
    [{ HTTPS_PROXY: 'http://usr:topsecret#@proxy.lab' }, /^longshore: HTTPS_PROXY does not hold/],
    [{ http_proxy: 'socks5://usr:topsecret@proxy.lab' }, /^longshore: http_proxy: .* socks5:\/\//],
  ] as const) {
    const argv = ['pull', 'registry.example/a:1', 'registry.example/b:1', '--store', 'store'];
    const { exitCode, stdout, stderr } = await cli(argv, { env, cwd });
    assert.equal(exitCode, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, told);
    assert.match(stderr, /^[^\n]+\n$/);
    assert.doesNotMatch(stderr, /usr|topsecret/);
  }
  assert.deepEqual(await readdir(cwd), []);
});

test('a proxy that refuses is named with the variable it is from, and no password', {
  timeout: 20_000,
}, async () => {
  await using proxy = await startRawServer((_request, socket) => respond(socket, 407));
  const env = { HTTPS_PROXY: `usr:topsecret@${proxy.host}` };
  const { exitCode, stderr } = await cli(['layers', 'registry.example/a:1', '--verbose'], { env });
  assert.equal(exitCode, 1, stderr);
  assert.ok(
    stderr.startsWith(
      `longshore: no way through the proxy of HTTPS_PROXY: ${proxy.host} wants other credentials`,
    ),
    stderr,
  );
  assert.doesNotMatch(stderr, /usr|topsecret/);
});

function placesFor(env: Record<string, string>) {
  return credentialPlaces({
    host: { env },
    places: findPlaces({ HOME: '/home/me', ...env }, '/work', '/'),
  });
}

test('credentials are looked for where Docker and Podman keep them', () => {
  assert.deepEqual(placesFor({}), {
    files: ['/home/me/.docker/config.json', '/home/me/.config/containers/auth.json'],
    loginFile: '/home/me/.docker/config.json',
    documents: [],
  });
  const all = placesFor({
    REGISTRY_AUTH_FILE: 'auth.json',
    DOCKER_CONFIG: '/etc/docker-me',
    XDG_RUNTIME_DIR: '/run/user/1',
    XDG_CONFIG_HOME: '/conf',
    DOCKER_AUTH_CONFIG: '{}',
  });
  assert.deepEqual(all, {
    files: [
      '/work/auth.json',
      '/etc/docker-me/config.json',
      '/run/user/1/containers/auth.json',
      '/conf/containers/auth.json',
    ],
    loginFile: '/work/auth.json',
    documents: [{ source: 'DOCKER_AUTH_CONFIG', text: '{}' }],
  });
});

test('a question is asked on stderr; what is hidden is not echoed; the end of input ends it', async () => {
  let shown = '';
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      shown += chunk.toString();
      done();
    },
  });
  const typed = (text: string) => ({ stdin: Readable.from([Buffer.from(text)]), stderr });
  assert.equal(await ask(typed('secret\n'), 'Password: ', { echo: false }), 'secret');
  assert.equal(shown, 'Password: \n');
  assert.equal(await askYesNo(typed('Yes\n'), '? '), true);
  assert.equal(await askYesNo(typed('\n'), '? '), false);
  const silent = { stdin: Readable.from([]), stderr };
  await assert.rejects(ask(silent, '? '), Interrupted);
});
