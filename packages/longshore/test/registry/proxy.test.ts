import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { parseReference } from '../../src/image/index.ts';
import { RegistryError, type RegistryOptions, readProxies } from '../../src/registry/index.ts';
import { proxyError } from '../../src/registry/proxyError.ts';
import { withSchemeChoice } from '../../src/registry/scheme.ts';
import { fixture, serverTls, testRegistry } from './support/fixtures.ts';
import { type RawHandler, respond, startRawServer } from './support/rawServer.ts';

const timeout = 20_000;
const TUNNEL = 'CONNECT secure.example:443';
const PLAIN = 'HEAD http://plain.example/v2/team/app/manifests/1';

interface Failed {
  readonly error: RegistryError;
  readonly tries: number;
}

/** What asking a host through a proxy fails with. It never shows user or password of the proxy. */
async function failThrough(
  proxy: string,
  host: 'secure.example' | 'plain.example',
  options: RegistryOptions = {},
): Promise<Failed> {
  await using registry = testRegistry({
    proxy: { http: proxy, https: proxy, sources: { http: 'HTTP_PROXY', https: 'HTTPS_PROXY' } },
    insecureHosts: ['plain.example'],
    ...options,
  });
  const error = await registry.resolve(parseReference(`${host}/team/app:1`)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RegistryError, String(error));
  assert.doesNotMatch(inspect(error), /usr|topsecret/);
  return { error, tries: registry.sleeps.length + 1 };
}

async function closedPort(): Promise<string> {
  await using server = await startRawServer(() => undefined);
  return server.host;
}

test('a proxy that is down is named, and where its address is from', { timeout }, async () => {
  const host = await closedPort();
  for (const [target, source, request] of [
    ['secure.example', 'HTTPS_PROXY', TUNNEL],
    ['plain.example', 'HTTP_PROXY', PLAIN],
  ] as const) {
    const { error, tries } = await failThrough(`http://usr:topsecret@${host}`, target);
    assert.equal(
      error.message,
      `no way through the proxy of ${source}: nothing listens at ${host} (${request})`,
    );
    assert.match(error.hint ?? '', new RegExp(`^Check ${source}, .* NO_PROXY`));
    assert.equal(error.code, 'ERR_PROXY');
    assert.equal(error.request, request);
    assert.ok(tries > 1);
  }
});

test('a proxy that wants credentials is asked once', { timeout }, async () => {
  await using proxy = await startRawServer((_request, socket) => respond(socket, 407));
  for (const target of ['secure.example', 'plain.example'] as const) {
    for (const [user, wanted] of [
      ['', 'credentials'],
      ['usr:topsecret@', 'other credentials'],
    ] as const) {
      const { error, tries } = await failThrough(`http://${user}${proxy.host}`, target);
      assert.match(error.message, new RegExp(`: ${proxy.host} wants ${wanted} \\(`));
      assert.match(error.hint ?? '', /in HTTPS?_PROXY as http:\/\/USER:PASSWORD@HOST:PORT/);
      assert.equal(tries, 1);
    }
  }
  assert.equal(proxy.requests.length, 4);
});

test('a proxy that opens no tunnel is told with its status', { timeout }, async () => {
  for (const [status, again] of [
    [403, false],
    [503, true],
  ] as const) {
    await using proxy = await startRawServer((_request, socket) => respond(socket, status));
    const { error, tries } = await failThrough(`http://${proxy.host}`, 'secure.example');
    assert.match(error.message, new RegExp(`: ${proxy.host} answers ${status} \\(${TUNNEL}\\)$`));
    assert.equal(tries > 1, again);
  }
});

test('until a tunnel stands the proxy fails, in it the registry', { timeout }, async () => {
  const closesInTunnel: RawHandler = (_request, socket) => {
    socket.once('data', () => socket.destroy());
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
  };
  for (const [handler, code, told] of [
    [(_request, socket) => void socket.destroy(), 'ERR_PROXY', 'PROXY closed the connection'],
    [(_request, socket) => void socket.end('SSH-2.0\r\n'), 'ERR_PROXY', 'PROXY does not answer in'],
    [() => undefined, 'ERR_PROXY', 'PROXY did not answer in time'],
    [closesInTunnel, 'ERR_NETWORK', 'secure.example closed the connection (HEAD https:'],
  ] as const satisfies readonly (readonly [RawHandler, string, string])[]) {
    await using proxy = await startRawServer(handler);
    const { error } = await failThrough(proxy.host, 'secure.example', {
      headersTimeoutMs: 300,
      retry: { maxAttempts: 1 },
    });
    assert.ok(error.message.includes(told.replace('PROXY', proxy.host)), error.message);
    assert.equal(error.code, code);
  }
});

test('a plain request that nobody answers is the failure of the proxy', { timeout }, async () => {
  await using proxy = await startRawServer(() => undefined);
  const { error } = await failThrough(proxy.host, 'plain.example', {
    headersTimeoutMs: 300,
    retry: { maxAttempts: 1 },
  });
  assert.match(error.message, new RegExp(`HTTP_PROXY: ${proxy.host} did not answer in time`));
});

test('proxies in TLS are asked in HTTP/1.1, and their certificates are checked', {
  timeout,
}, async () => {
  const tls = { ...serverTls(), ALPNProtocols: ['h2', 'http/1.1'] };
  await using proxy = await startRawServer((_request, socket) => respond(socket, 407), { tls });
  const address = `https://localhost:${proxy.port}`;
  const known = await failThrough(address, 'secure.example', { ca: fixture('ca.pem') });
  assert.match(known.error.message, /wants credentials/);
  const unknown = await failThrough(address, 'secure.example');
  assert.match(
    unknown.error.message,
    new RegExp(`HTTPS_PROXY: the certificate of localhost:${proxy.port} `),
  );
  assert.match(unknown.error.hint ?? '', /--ca FILE$/);
  assert.equal(unknown.tries, 1);
});

test('the host of a proxy that nobody knows is named', () => {
  const { https } = readProxies({ https: 'usr:topsecret@proxy.lab', sources: { https: 'given' } });
  assert.ok(https !== undefined);
  const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
  const error = proxyError(cause, https, TUNNEL);
  assert.equal(
    error.message,
    `no way through the proxy of given: there is no host proxy.lab:80 (${TUNNEL})`,
  );
  assert.equal(error.retryable, false);
  assert.match(proxyError(cause, { ...https, source: undefined }, TUNNEL).message, /the proxy: /);
});

test('a proxy that does not speak TLS is told so', () => {
  const { https } = readProxies({ https: 'https://proxy.lab', sources: { https: 'given' } });
  assert.ok(https !== undefined);
  const cause = Object.assign(new Error('wrong version number'), { code: 'EPROTO' });
  const error = proxyError(cause, https, TUNNEL);
  assert.match(error.message, /: proxy\.lab:443 does not answer in TLS/);
  assert.equal(error.hint, 'When it speaks plain HTTP, write http:// in given');
});

test('a host is not tried for TLS past a proxy that failed', { timeout }, async () => {
  const { http } = readProxies({ http: 'proxy.lab:3128' });
  assert.ok(http !== undefined);
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const exchange = withSchemeChoice(() => Promise.reject(proxyError(cause, http, PLAIN)), {
    mayUsePlainHttp: () => true,
    speaksTls: () => assert.fail('this would go past the proxy'),
  });
  const url = new URL('http://plain.example/v2/');
  const request = { method: 'GET', url, headers: {}, kind: 'metadata' } as const;
  await assert.rejects(exchange(request), { code: 'ERR_PROXY' });
});

test('addresses of proxies: with and without scheme, and none', () => {
  for (const [address, expected] of [
    ['proxy.lab:3128', 'http://proxy.lab:3128/'],
    ['proxy.lab', 'http://proxy.lab/'],
    ['me:p%40w@proxy.lab:3128', 'http://me:p%40w@proxy.lab:3128/'],
    ['[::1]:3128', 'http://[::1]:3128/'],
    ['HTTPS://proxy.lab:3128', 'https://proxy.lab:3128/'],
    ['', undefined],
  ] as const) {
    assert.equal(readProxies({ http: address }).http?.url.href, expected, address);
  }
  for (const [address, told] of [
    ['http://', /^HTTPS_PROXY does not hold/],
    ['http:proxy.lab:3128', /^HTTPS_PROXY does not hold/],
    ['usr:topsecret#@proxy.lab:3128', /^HTTPS_PROXY does not hold/],
    ['usr:topsecret%@proxy.lab:3128', /^HTTPS_PROXY does not hold/],
    ['file:///usr/topsecret', /^HTTPS_PROXY does not hold/],
    ['socks5h://usr:topsecret@proxy.lab', /^HTTPS_PROXY: .* socks5h:\/\/ are not supported/],
  ] as const) {
    const read = (): unknown => readProxies({ https: address, sources: { https: 'HTTPS_PROXY' } });
    assert.throws(read, ({ code, origin, message, hint }) => {
      assert.deepEqual([code, origin], ['ERR_PROXY_CONFIG', 'input']);
      assert.match(message, told);
      assert.doesNotMatch(`${message} ${hint}`, /usr|topsecret/);
      return true;
    });
  }
});
