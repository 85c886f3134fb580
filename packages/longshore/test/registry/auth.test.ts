import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseReference } from '../../src/image/index.ts';
import {
  type Credential,
  type CredentialStore,
  RegistryError as ErrorClass,
  type RegistryError,
  type RegistryOptions,
} from '../../src/registry/index.ts';
import { fixture, makeManifest, serverTls, testRegistry } from './support/fixtures.ts';
import { type RawRequest, type RawServer, respond, startRawServer } from './support/rawServer.ts';

const timeout = 20_000;
const login = { kind: 'basic', username: 'me', password: 'pä:ss', source: 'a test' } as const;

function only(...credentials: Credential[]): CredentialStore & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    lookup({ registry, repository }, { refresh } = {}) {
      asked.push(`${registry} ${repository ?? ''}${refresh === true ? ' again' : ''}`.trim());
      return Promise.resolve(credentials.length > 1 ? credentials.shift() : credentials[0]);
    },
  };
}

/** A registry with tokens: what it issued, what it still accepts, what its realm saw. */
async function startTokenRegistry(
  options: { lifetimeS?: number; accepts?: (token: string, request: RawRequest) => boolean } = {},
): Promise<RawServer & { readonly issued: RawRequest[]; challenge: string | undefined }> {
  const manifest = makeManifest();
  const issued: RawRequest[] = [];
  const server = await startRawServer((request, socket) => {
    if (request.path.startsWith('/token')) {
      issued.push(request);
      const answer = { token: `t${issued.length}`, expires_in: options.lifetimeS ?? 300 };
      respond(socket, 200, { 'Content-Type': 'application/json' }, JSON.stringify(answer));
      return;
    }
    const shown = request.headers.get('authorization') ?? '';
    const token = /^Bearer (t\d+)$/.exec(shown)?.[1];
    const accepts = options.accepts ?? (() => true);
    if (token === undefined || !accepts(token, request)) {
      const name = /^\/v2\/(.*)\/manifests/.exec(request.path)?.[1];
      const scope = name === undefined ? '' : `,scope="repository:${name}:pull"`;
      const challenge = `Bearer realm="http://${server.host}/token",service="reg"${scope}`;
      respond(socket, 401, { 'WWW-Authenticate': extended.challenge ?? challenge });
      return;
    }
    const fields = {
      'Content-Type': manifest.descriptor.mediaType,
      'Docker-Content-Digest': manifest.descriptor.digest,
      'Content-Length': String(manifest.bytes.byteLength),
    };
    respond(socket, 200, fields, request.method === 'HEAD' ? '' : manifest.bytes);
  });
  const extended = Object.assign(server, { issued, challenge: undefined as string | undefined });
  return extended;
}

const resolveOn = (
  registry: ReturnType<typeof testRegistry>,
  server: RawServer,
  name = 'team/app:1',
): Promise<unknown> => registry.resolve(parseReference(`${server.host}/${name}`));

for (const bodyPath of ['auto', 'undici'] as const)
  describe(`with ${bodyPath}`, () => suite(bodyPath));

function suite(bodyPath: 'auto' | 'undici'): void {
  const open = (options: RegistryOptions = {}): ReturnType<typeof testRegistry> =>
    testRegistry({ bodyPath, ...options });

  test('anonymous clients get a token for what they ask', { timeout }, async () => {
    await using server = await startTokenRegistry();
    await using registry = open();
    await resolveOn(registry, server);
    assert.deepEqual(
      server.issued.map(({ path, headers }) => [path, headers.get('authorization')]),
      [['/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull', undefined]],
    );
  });

  test('one token request serves everybody who needs the same', { timeout }, async () => {
    await using server = await startTokenRegistry();
    await using registry = open({ credentials: only(login) });
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => resolveOn(registry, server, `team/app:${i}`)),
    );
    assert.equal(server.issued.length, 1);
    const basic = `Basic ${Buffer.from('me:pä:ss').toString('base64')}`;
    assert.equal(server.issued[0]?.headers.get('authorization'), basic);
  });

  test('what is known of a registry saves later requests their 401', { timeout }, async () => {
    await using server = await startTokenRegistry();
    await using registry = open();
    await resolveOn(registry, server, 'team/one:1');
    const before = server.requests.length;
    await resolveOn(registry, server, 'team/two:1');
    assert.deepEqual(
      server.requests.slice(before).map(({ method, path }) => `${method} ${path.split('?')[0]}`),
      ['GET /token', 'HEAD /v2/team/two/manifests/1'],
    );
  });

  test('a token is renewed before it expires, and when it is refused', { timeout }, async () => {
    let now = 0;
    let refused = '';
    await using server = await startTokenRegistry({ accepts: (token) => token !== refused });
    await using registry = open({ now: () => now });
    await resolveOn(registry, server);
    now = 280_000;
    await resolveOn(registry, server);
    assert.equal(server.issued.length, 1);
    now = 291_000;
    await resolveOn(registry, server);
    assert.equal(server.issued.length, 2);
    refused = 't2';
    await Promise.all([1, 2, 3, 4].map(() => resolveOn(registry, server)));
    assert.equal(server.issued.length, 3);
  });

  test('an identity token is exchanged in a form', { timeout }, async () => {
    await using server = await startTokenRegistry();
    const credential = { kind: 'identityToken', token: 'refresh+me', source: 'a test' } as const;
    await using registry = open({ credentials: only(credential) });
    await resolveOn(registry, server);
    const [asked] = server.issued;
    assert.equal(asked?.method, 'POST');
    assert.equal(asked?.headers.get('authorization'), undefined);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
      grant_type: 'refresh_token',
      service: 'reg',
      client_id: 'longshore',
      refresh_token: 'refresh+me',
      scope: 'repository:team/app:pull',
    });
  });

  test('a registry token is sent as it is', { timeout }, async () => {
    await using server = await startTokenRegistry();
    const credential = { kind: 'registryToken', token: 't77', source: 'a test' } as const;
    await using registry = open({ credentials: only(credential) });
    await resolveOn(registry, server);
    assert.equal(server.issued.length, 0);
  });

  test('the scope of a challenge is asked for too, where it is another', { timeout }, async () => {
    await using server = await startTokenRegistry();
    server.challenge = `Bearer realm="http://${server.host}/token",scope="repository:real/app:pull"`;
    await using registry = open();
    await resolveOn(registry, server, 'team/app:1');
    const asked =
      '/token?scope=repository%3Ateam%2Fapp%3Apull&scope=repository%3Areal%2Fapp%3Apull';
    assert.deepEqual(
      server.issued.map(({ path }) => path),
      [asked],
    );
  });

  test('Basic: shown after the challenge, looked up again when refused', { timeout }, async () => {
    const manifest = makeManifest();
    const good = `Basic ${Buffer.from('me:new').toString('base64')}`;
    await using server = await startRawServer((request, socket) => {
      if (request.headers.get('authorization') !== good) {
        respond(socket, 401, { 'WWW-Authenticate': 'Basic realm="x"' });
      } else
        respond(socket, 200, { 'Content-Type': manifest.descriptor.mediaType }, manifest.bytes);
    });
    const credentials = only({ ...login, password: 'old' }, { ...login, password: 'new' });
    await using registry = open({ credentials });
    const { descriptor } = manifest;
    const address = { registry: server.host, repository: 'team/app' };
    await assert.rejects(registry.manifest(address, descriptor), { code: 'ERR_UNAUTHORIZED' });
    await registry.manifest(address, descriptor);
    assert.equal(server.requests[0]?.headers.get('authorization'), undefined);
  });

  test('a refusal says whose credentials were tried, and never what they are', {
    timeout,
  }, async () => {
    await using server = await startRawServer((_request, socket) =>
      respond(socket, 401, { 'WWW-Authenticate': 'Basic realm="x"' }),
    );
    await using anonymous = open();
    await assert.rejects(resolveOn(anonymous, server), (error: RegistryError) => {
      assert.equal(error.code, 'ERR_UNAUTHORIZED');
      assert.match(error.message, /anonymous/);
      assert.match(error.hint ?? '', /longshore login 127/);
      return true;
    });
    const asked = server.requests.length;
    await using known = open({ credentials: only(login) });
    await assert.rejects(resolveOn(known, server), (error: RegistryError) => {
      assert.ok(error instanceof ErrorClass);
      assert.match(error.message, /credentials from a test/);
      assert.doesNotMatch(`${error.stack}${error.hint}${JSON.stringify(error)}`, /pä:ss|bWU6/);
      return true;
    });
    assert.equal(server.requests.length, asked + 2);
  });

  test('a realm in plain HTTP is refused for a registry in TLS', { timeout }, async () => {
    await using realm = await startTokenRegistry();
    await using server = await startRawServer(
      (_request, socket) =>
        respond(socket, 401, { 'WWW-Authenticate': `Bearer realm="http://${realm.host}/token"` }),
      { host: 'localhost', tls: serverTls() },
    );
    await using registry = open({ ca: fixture('ca.pem'), credentials: only(login) });
    await assert.rejects(resolveOn(registry, server), { code: 'ERR_TOKEN_REALM' });
    assert.equal(realm.requests.length, 0);
  });

  const badRealms: readonly [string, string][] = [
    ['on a plain host that nobody named', 'http://tokens.example/token'],
    ['with credentials in it', 'http://me:pw@127.0.0.1/token'],
    ['that is no address', 'token'],
    ['that is a file', 'file:///etc/passwd'],
  ];
  for (const [name, realm] of badRealms) {
    test(`a realm ${name} is refused`, { timeout }, async () => {
      await using server = await startRawServer((_request, socket) =>
        respond(socket, 401, { 'WWW-Authenticate': `Bearer realm="${realm}"` }),
      );
      await using registry = open({ credentials: only(login) });
      await assert.rejects(resolveOn(registry, server), { code: 'ERR_TOKEN_REALM' });
    });
  }

  const badAnswers: readonly [string, string][] = [
    ['no JSON', 'hello'],
    ['no token', '{}'],
    ['a line end in it', JSON.stringify({ token: 'a\r\nX: y' })],
  ];
  for (const [name, answer] of badAnswers) {
    test(`a token answer with ${name} is refused`, { timeout }, async () => {
      await using server = await startRawServer((request, socket) => {
        if (request.path.startsWith('/token')) respond(socket, 200, {}, answer);
        else {
          const realm = `Bearer realm="http://${server.host}/token"`;
          respond(socket, 401, { 'WWW-Authenticate': realm });
        }
      });
      await using registry = open();
      await assert.rejects(resolveOn(registry, server), { code: 'ERR_TOKEN_INVALID' });
    });
  }

  test('ping accepts good credentials and throws for bad ones', { timeout }, async () => {
    await using server = await startTokenRegistry();
    await using registry = open({ credentials: only(login) });
    await registry.ping(server.host);
    assert.equal(server.issued[0]?.path, '/token?service=reg');
    const answer = server.handler;
    server.handler = (request, socket) =>
      request.path.startsWith('/token') ? respond(socket, 401) : answer(request, socket);
    await using other = open({ credentials: only(login) });
    await assert.rejects(other.ping(server.host), { code: 'ERR_UNAUTHORIZED' });
  });
}
