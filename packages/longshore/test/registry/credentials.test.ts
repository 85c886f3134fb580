import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { runHelperProgram } from '../../src/registry/credentials/helper.ts';
import {
  type Credential,
  dockerCredentials,
  eraseCredential,
  type HelperResult,
  storeCredential,
} from '../../src/registry/index.ts';

const timeout = 20_000;

async function temporary(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'longshore-credentials-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const pair = (text: string): string => Buffer.from(text).toString('base64');
const document = (value: unknown): { source: string; text: string } => ({
  source: 'DOCKER_AUTH_CONFIG',
  text: JSON.stringify(value),
});
const secretOf = (credential: Credential | undefined): string | undefined =>
  credential && ('token' in credential ? credential.token : credential.password);
const answer = (value: unknown): HelperResult => ({
  exitCode: 0,
  stdout: JSON.stringify(value),
  stderr: '',
});

test('auths: encoded pairs, plain pairs, tokens', { timeout }, async () => {
  const store = dockerCredentials({
    documents: [
      document({
        auths: {
          'a.example': { auth: pair('me:p:w') },
          'https://b.example/v2/': { username: 'you', password: 'pw' },
          'c.example': { auth: pair('x:'), identitytoken: 'id' },
          'd.example': { registrytoken: 'reg' },
          'e.example': {},
          'f.example': { auth: '%%%' },
          'https://index.docker.io/v1/': { auth: pair('hub:pw') },
        },
      }),
    ],
  });
  const source = 'DOCKER_AUTH_CONFIG';
  for (const [registry, expected] of [
    ['a.example', { kind: 'basic', username: 'me', password: 'p:w', source }],
    ['b.example', { kind: 'basic', username: 'you', password: 'pw', source }],
    ['c.example', { kind: 'identityToken', token: 'id', source }],
    ['d.example', { kind: 'registryToken', token: 'reg', source }],
    ['e.example', undefined],
    ['f.example', undefined],
    ['other.example', undefined],
    ['a.example:5000', undefined],
    ['docker.io', { kind: 'basic', username: 'hub', password: 'pw', source }],
  ] as const) {
    assert.deepEqual(await store.lookup({ registry }), expected, registry);
  }
});

test('the longest path of a containers/auth.json counts', { timeout }, async () => {
  const store = dockerCredentials({
    documents: [
      document({
        auths: {
          'quay.io': { auth: pair('u:host') },
          'quay.io/team': { auth: pair('u:team') },
          'quay.io/team/app': { auth: pair('u:app') },
        },
      }),
    ],
  });
  for (const [repository, expected] of [
    ['team/app', 'app'],
    ['team/app/sub', 'app'],
    ['team/application', 'team'],
    ['other/app', 'host'],
    [undefined, 'host'],
  ] as const) {
    const found = await store.lookup({ registry: 'quay.io', repository });
    assert.equal(secretOf(found), expected, repository);
  }
});

test('values before documents before files, in their order', { timeout }, async () => {
  await using folder = await temporary();
  const [first, second] = [join(folder.path, 'a.json'), join(folder.path, 'b.json')];
  const entry = (secret: string, ...hosts: string[]): string =>
    JSON.stringify({
      auths: Object.fromEntries(hosts.map((h) => [h, { auth: pair(`u:${secret}`) }])),
    });
  await writeFile(first, entry('first', 'c.example', 'd.example', 'a.example', 'b.example'));
  await writeFile(second, entry('second', 'd.example', 'e.example'));
  const store = dockerCredentials({
    values: [
      {
        registry: 'a.example',
        credential: { kind: 'basic', username: 'u', password: 'value', source: 'x' },
      },
    ],
    documents: [{ source: 'x', text: entry('document', 'a.example', 'b.example') }],
    files: [join(folder.path, 'missing.json'), first, second],
  });
  for (const [registry, expected] of [
    ['a.example', 'value'],
    ['b.example', 'document'],
    ['c.example', 'first'],
    ['d.example', 'first'],
    ['e.example', 'second'],
  ] as const) {
    assert.equal(secretOf(await store.lookup({ registry })), expected);
  }
});

test('helpers: asked once, one at a time, again after a refusal', { timeout }, async () => {
  const calls: string[] = [];
  let active = 0;
  const store = dockerCredentials({
    documents: [
      document({
        credsStore: 'all',
        credHelpers: { 'gcr.example': 'gcloud', 'eu.gcr.example': 'gcloud' },
        auths: { 'plain.example': { auth: pair('u:file') } },
      }),
    ],
    runHelper: async (name, action, input) => {
      active += 1;
      assert.equal(active, 1);
      calls.push(`${name} ${action} ${input}`);
      await new Promise((resolve) => setImmediate(resolve));
      active -= 1;
      if (input === 'plain.example') {
        return { exitCode: 1, stdout: 'credentials not found in native keychain', stderr: '' };
      }
      const Username = input.startsWith('https') ? '<token>' : 'u';
      return answer({ ServerURL: input, Username, Secret: `s${calls.length}` });
    },
  });
  const found = await Promise.all(
    ['gcr.example', 'gcr.example', 'eu.gcr.example'].map((registry) => store.lookup({ registry })),
  );
  assert.deepEqual(found.map(secretOf), ['s1', 's1', 's2']);
  const again = await store.lookup({ registry: 'gcr.example' }, { refresh: true });
  assert.equal(secretOf(again), 's3');
  assert.deepEqual(await store.lookup({ registry: 'docker.io' }), {
    kind: 'identityToken',
    token: 's4',
    source: 'docker-credential-all',
  });
  assert.equal(secretOf(await store.lookup({ registry: 'plain.example' })), 'file');
  assert.deepEqual(calls, [
    'gcloud get gcr.example',
    'gcloud get eu.gcr.example',
    'gcloud get gcr.example',
    'all get https://index.docker.io/v1/',
    'all get plain.example',
  ]);
});

const badAnswers: readonly [string, HelperResult][] = [
  ['fails', { exitCode: 2, stdout: 'secret', stderr: 'no \u001b[31m keychain' }],
  ['prints no JSON', { exitCode: 0, stdout: 'secret', stderr: '' }],
  ['prints something else', answer({ Secret: 5 })],
];
for (const [name, result] of badAnswers) {
  test(`a helper that ${name} is an error that shows no secret`, { timeout }, async () => {
    const store = dockerCredentials({
      documents: [document({ credsStore: 'x' })],
      runHelper: () => Promise.resolve(result),
    });
    await assert.rejects(store.lookup({ registry: 'a.example' }), (error: Error) => {
      assert.equal('code' in error && error.code, 'ERR_CREDENTIAL_HELPER');
      assert.ok(!error.message.includes('secret') && !error.message.includes('\u001b'));
      return true;
    });
  });
}

test('a helper is a real program, bounded in time', { timeout }, async () => {
  await using folder = await temporary();
  const signal = AbortSignal.timeout(10_000);
  await assert.rejects(runHelperProgram('no-such-helper-here', 'get', 'x', signal), {
    code: 'ERR_CREDENTIAL_HELPER',
    message: /there is no such program/,
  });
  await assert.rejects(runHelperProgram('../evil', 'get', 'x', signal), {
    code: 'ERR_CREDENTIAL_HELPER',
  });
  const program = join(folder.path, 'docker-credential-longshore-test');
  await writeFile(
    program,
    '#!/bin/sh\nread server; [ "$server" = slow ] && exec sleep 20\necho "$1 $server"\n',
    {
      mode: 0o755,
    },
  );
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder.path}:${path}`;
  try {
    const result = await runHelperProgram('longshore-test', 'get', 'a.example\n', signal);
    assert.deepEqual(result, { exitCode: 0, stdout: 'get a.example\n', stderr: '' });
    const soon = AbortSignal.timeout(200);
    await assert.rejects(runHelperProgram('longshore-test', 'get', 'slow\n', soon), {
      code: 'ERR_CREDENTIAL_HELPER',
      message: /in time/,
    });
  } finally {
    process.env['PATH'] = path;
  }
});

test('files that cannot be used are named, and not quoted', { timeout }, async () => {
  await using folder = await temporary();
  const file = join(folder.path, 'config.json');
  for (const text of ['{"auths": {"a": "secret"', '[1]', '"secret"']) {
    await writeFile(file, text);
    await assert.rejects(
      dockerCredentials({ files: [file] }).lookup({ registry: 'a' }),
      (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /config\.json/);
        assert.doesNotMatch(`${error.stack}${String(error.cause)}`, /secret/);
        return true;
      },
    );
  }
  await assert.rejects(dockerCredentials({ files: [folder.path] }).lookup({ registry: 'a' }), {
    code: 'ERR_CREDENTIALS_FILE',
  });
});

test('login and logout change one entry, keep the rest, and the mode', { timeout }, async () => {
  await using folder = await temporary();
  const file = join(folder.path, 'new', 'config.json');
  const login = { username: 'me', password: 'p:w' };
  assert.equal(await storeCredential('a.example', login, { file }), file);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const before = JSON.parse(await readFile(file, 'utf8'));
  before.psFormat = 'kept';
  before.auths['https://a.example/v1/'] = { auth: pair('old:old') };
  await writeFile(file, JSON.stringify(before));
  const link = join(folder.path, 'link.json');
  await symlink(file, link);
  await storeCredential('docker.io', login, { file: link });
  await storeCredential('a.example', { ...login, password: 'new' }, { file: link });
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), {
    auths: {
      'https://index.docker.io/v1/': { auth: pair('me:p:w') },
      'a.example': { auth: pair('me:new') },
    },
    psFormat: 'kept',
  });
  const store = dockerCredentials({ files: [link] });
  assert.equal(secretOf(await store.lookup({ registry: 'a.example' })), 'new');
  assert.equal(await eraseCredential('a.example', { file }), true);
  assert.equal(await eraseCredential('a.example', { file }), false);
  assert.equal(await eraseCredential('docker.io', { file }), true);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { auths: {}, psFormat: 'kept' });
});

test('login and logout go to the helper where there is one', { timeout }, async () => {
  await using folder = await temporary();
  const file = join(folder.path, 'config.json');
  await writeFile(file, JSON.stringify({ credHelpers: { 'a.example': 'x' } }));
  const calls: string[] = [];
  const runHelper = (name: string, action: string, input: string): Promise<HelperResult> => {
    calls.push(`${name} ${action} ${input}`);
    return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
  };
  const login = { username: 'me', password: 'pw' };
  assert.equal(
    await storeCredential('a.example', login, { file, runHelper }),
    'docker-credential-x',
  );
  assert.doesNotMatch(await readFile(file, 'utf8'), /pw|bWU6/);
  await eraseCredential('a.example', { file, runHelper });
  assert.deepEqual(calls, [
    'x store {"ServerURL":"a.example","Username":"me","Secret":"pw"}',
    'x erase a.example',
  ]);
});

test('no document crashes the reader', { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (auths, helpers) => {
      const text = JSON.stringify({ auths, credHelpers: helpers });
      const runHelper = (): Promise<HelperResult> =>
        Promise.resolve(answer({ Username: 'u', Secret: 's' }));
      const store = dockerCredentials({ documents: [{ source: 'x', text }], runHelper });
      await store.lookup({ registry: 'a.example', repository: 'b/c' });
    }),
  );
});
