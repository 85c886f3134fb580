import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { type Descriptor, parseReference } from '../../src/image/index.ts';
import { RegistryError, type RegistryEvent } from '../../src/registry/index.ts';
import {
  collect,
  fixture,
  makeBlob,
  makeManifest,
  serverTls,
  testRegistry,
} from './support/fixtures.ts';
import { head, type RawServer, respond, startRawServer } from './support/rawServer.ts';

const timeout = 20_000;

function resolveOn(
  registry: ReturnType<typeof testRegistry>,
  server: Pick<RawServer, 'host'>,
): Promise<Descriptor> {
  return registry.resolve(parseReference(`${server.host}/team/app:1`));
}

/** Answers HEADs with a manifest's facts, after what `before` did with the first ones. */
async function startFlaky(
  failures: readonly [number, Record<string, string>][],
  fields: Record<string, string> = {},
): Promise<RawServer> {
  const { descriptor } = makeManifest();
  const left = [...failures];
  return startRawServer((_request, socket) => {
    const [status, extra] = left.shift() ?? [200, {}];
    const ok = {
      'Content-Type': descriptor.mediaType,
      'Docker-Content-Digest': descriptor.digest,
      'Content-Length': String(descriptor.size),
      ...fields,
    };
    socket.write(head(status, status === 200 ? ok : { 'Content-Length': '0', ...extra }));
  });
}

test('what may pass is tried again, after what it asks for', { timeout }, async () => {
  const events: RegistryEvent[] = [];
  await using server = await startFlaky([
    [503, {}],
    [429, { 'Retry-After': '2' }],
    [429, { 'Retry-After': '12.5ms' }],
    [408, {}],
  ]);
  await using registry = testRegistry({ onEvent: (event) => events.push(event) });
  await resolveOn(registry, server);
  // Random is one half: half the limit, or what was asked and half the base on top.
  assert.deepEqual(registry.sleeps, [125, 2500, 512.5, 1000]);
  const throttled = events.filter(({ type }) => type === 'registry.throttled');
  assert.equal(throttled.length, 3);
  const origin = `http://127.0.0.1:${server.port}`;
  assert.deepEqual(throttled[1], {
    type: 'registry.throttled',
    origin,
    status: 429,
    retryAfterMs: 2000,
  });
  const retries = events.filter(({ type }) => type === 'registry.retry');
  assert.equal(retries.length, 4);
});

for (const status of [400, 401, 403, 404, 413, 501]) {
  test(`${status} fails at once`, { timeout }, async () => {
    await using server = await startRawServer((_request, socket) => respond(socket, status));
    // After a 400 on loopback, TLS is tried for; this server never answers to that.
    await using registry = testRegistry({ connectTimeoutMs: 200 });
    await assert.rejects(resolveOn(registry, server), { status, retryable: false });
    assert.deepEqual(registry.sleeps, []);
  });
}

test('retries end: in number, and when the wait is longer than the cap', { timeout }, async () => {
  await using server = await startRawServer((_request, socket) => respond(socket, 502));
  await using registry = testRegistry({ retry: { maxAttempts: 3 } });
  await assert.rejects(resolveOn(registry, server), {
    code: 'ERR_REGISTRY_UNAVAILABLE',
    status: 502,
  });
  assert.equal(server.requests.length, 3);
  await using patient = await startFlaky([[429, { 'Retry-After': '3600' }]]);
  await assert.rejects(resolveOn(registry, patient), {
    code: 'ERR_RATE_LIMITED',
    retryAfterMs: 3_600_000,
  });
  assert.equal(patient.requests.length, 1);
});

test('an abort ends the wait for a retry', { timeout }, async () => {
  await using server = await startFlaky([[429, { 'Retry-After': '60' }]]);
  const controller = new AbortController();
  await using registry = testRegistry({
    onEvent: ({ type }) => {
      if (type === 'registry.retry') controller.abort(new Error('enough'));
    },
    sleep: (_ms, signal) => Promise.reject(signal?.reason),
  });
  const reference = parseReference(`${server.host}/team/app:1`);
  await assert.rejects(registry.resolve(reference, { signal: controller.signal }), /enough/);
});

test('quotas and warnings are reported, each once', { timeout }, async () => {
  const events: RegistryEvent[] = [];
  await using server = await startFlaky([], {
    'RateLimit-Limit': '100;w=21600',
    'RateLimit-Remaining': '7;w=21600',
    Warning: '299 - "old tag"',
  });
  await using registry = testRegistry({ onEvent: (event) => events.push(event) });
  await resolveOn(registry, server);
  await resolveOn(registry, server);
  const quota = { limit: 100, remaining: 7, windowSeconds: 21_600 };
  assert.deepEqual(events, [
    { type: 'registry.quota', registry: server.host, quota },
    { type: 'registry.warning', registry: server.host, text: 'old tag' },
  ]);
});

test('HEADs share a connection', { timeout }, async () => {
  await using server = await startFlaky([]);
  await using registry = testRegistry();
  for (let i = 0; i < 5; i += 1) await resolveOn(registry, server);
  assert.equal(server.connections, 1);
});

test('redirects end, and lead neither out of TLS nor to plain hosts', { timeout }, async () => {
  let location = '';
  const redirect = (): Parameters<typeof startRawServer>[0] => (_request, socket) =>
    respond(socket, 302, { Location: location });
  await using plain = await startRawServer(redirect());
  await using secure = await startRawServer(redirect(), { host: 'localhost', tls: serverTls() });
  await using registry = testRegistry({ ca: fixture('ca.pem') });
  for (const [server, target] of [
    [plain, '/again'],
    [plain, 'http://[::bad'],
    [plain, 'ftp://127.0.0.1/x'],
    [plain, 'http://storage.example/x'],
    [secure, `http://${plain.host}/x`],
  ] as const) {
    location = target;
    await assert.rejects(resolveOn(registry, server), { code: 'ERR_REDIRECT' }, target);
  }
});

test('what went wrong below HTTP is told in words', { timeout }, async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const address = closed.address();
  assert.ok(address !== null && typeof address !== 'string');
  closed.close();
  await using registry = testRegistry({ retry: { maxAttempts: 1 } });
  const refused = { host: `127.0.0.1:${address.port}` };
  await assert.rejects(resolveOn(registry, refused), {
    code: 'ERR_CONNECTION_REFUSED',
    message: new RegExp(`nothing listens at ${refused.host}`),
    retryable: true,
  });
  await assert.rejects(resolveOn(registry, { host: 'no-such-host.invalid' }), (error) => {
    assert.ok(error instanceof RegistryError);
    assert.match(error.code, /ERR_HOST_NOT_FOUND/);
    return true;
  });
});

for (const [name, certificate, code] of [
  ['for another host', 'other', 'ERR_TLS_WRONG_HOST'],
  ['that has expired', 'expired', 'ERR_TLS_EXPIRED'],
] as const) {
  for (const bodyPath of ['auto', 'undici'] as const) {
    test(`a certificate ${name}: refused (${bodyPath})`, { timeout }, async () => {
      await using server = await startRawServer(() => undefined, {
        host: 'localhost',
        tls: serverTls(certificate),
      });
      await using registry = testRegistry({ ca: fixture('ca.pem'), bodyPath });
      await assert.rejects(resolveOn(registry, server), { code, retryable: false });
    });
  }
}

test('a certificate of nobody known: refused, with what to do', { timeout }, async () => {
  await using server = await startRawServer(() => undefined, {
    host: 'localhost',
    tls: serverTls(),
  });
  await using registry = testRegistry();
  await assert.rejects(resolveOn(registry, server), {
    code: 'ERR_TLS_UNTRUSTED',
    hint: /--ca FILE/,
    retryable: false,
  });
});

test('a client certificate is shown where it is asked for', { timeout }, async () => {
  const { bytes, descriptor } = makeBlob(1000);
  await using server = await startRawServer((_request, socket) => respond(socket, 200, {}, bytes), {
    host: 'localhost',
    tls: { ...serverTls(), ca: fixture('ca.pem'), requestCert: true, rejectUnauthorized: true },
  });
  const address = { registry: server.host, repository: 'team/app' };
  for (const bodyPath of ['auto', 'undici'] as const) {
    const ca = fixture('ca.pem');
    const { cert, key } = serverTls('client');
    await using known = testRegistry({ ca, cert, key, bodyPath });
    assert.ok((await collect(await known.openBlob(address, descriptor))).equals(bytes));
    await using unknown = testRegistry({ ca, bodyPath, retry: { maxAttempts: 1 } });
    await assert.rejects(unknown.openBlob(address, descriptor), (error) => {
      assert.ok(error instanceof RegistryError, String(error));
      return true;
    });
  }
});

test('files that are no certificates are refused at once', () => {
  assert.throws(() => testRegistry({ ca: 'nonsense', cert: 'x', key: 'y' }), {
    code: 'ERR_TLS_CONFIG',
  });
});

test('IPv6 addresses are hosts', { timeout }, async (context) => {
  const { bytes, descriptor } = makeBlob(1000);
  let server: RawServer;
  try {
    server = await startRawServer((_request, socket) => respond(socket, 200, {}, bytes), {
      host: '::1',
    });
  } catch {
    context.diagnostic('this machine has no IPv6 loopback');
    return;
  }
  await using registry = testRegistry();
  const address = { registry: server.host, repository: 'team/app' };
  assert.ok((await collect(await registry.openBlob(address, descriptor))).equals(bytes));
  await server[Symbol.asyncDispose]();
});

test('proxies carry plain requests and tunnels, for blobs too', { timeout }, async () => {
  const { bytes, descriptor } = makeBlob(100_000);
  const handler = (_request: unknown, socket: Parameters<typeof respond>[0]): void =>
    respond(socket, 200, {}, bytes);
  await using plain = await startRawServer(handler);
  await using secure = await startRawServer(handler, { tls: serverTls() });
  const seen: string[] = [];
  const proxy = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
    response.end(bytes);
  });
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    const upstream = connect(secure.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  assert.ok(address !== null && typeof address !== 'string');
  const uri = `http://me:pw@127.0.0.1:${address.port}`;
  await using registry = testRegistry({
    proxy: { http: uri, https: uri, none: 'direct.example' },
    insecureHosts: ['plain.example'],
    ca: fixture('ca.pem'),
  });
  const name = { repository: 'team/app' };
  const blob = await registry.openBlob({ ...name, registry: 'plain.example' }, descriptor);
  assert.equal(blob.via, 'undici');
  assert.ok((await collect(blob)).equals(bytes));
  await assert.rejects(registry.openBlob({ ...name, registry: 'secure.example' }, descriptor), {
    code: 'ERR_TLS_WRONG_HOST',
  });
  const local = await registry.openBlob({ ...name, registry: plain.host }, descriptor);
  assert.ok((await collect(local)).equals(bytes));
  const basic = `Basic ${Buffer.from('me:pw').toString('base64')}`;
  assert.deepEqual(seen, [
    `GET http://plain.example/v2/team/app/blobs/${descriptor.digest} ${basic}`,
    'CONNECT secure.example:443',
  ]);
  proxy.closeAllConnections();
  proxy.close();
});

test('hosts that nobody named are spoken to in TLS alone', { timeout }, async () => {
  await using registry = testRegistry({ retry: { maxAttempts: 1 }, connectTimeoutMs: 500 });
  await assert.rejects(resolveOn(registry, { host: 'registry.invalid:5000' }), {
    request: /^HEAD https:\/\/registry\.invalid:5000\/v2\/team\/app\/manifests\/1$/,
  });
});

test('paths that lead elsewhere are refused', { timeout }, async () => {
  await using registry = testRegistry();
  for (const repository of ['../../x', 'a?b', 'a#b', 'a b']) {
    await assert.rejects(
      registry.openBlob({ registry: '127.0.0.1:1', repository }, makeBlob(1).descriptor),
      { code: 'ERR_REFERENCE_INVALID' },
    );
  }
});
