import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/image/index.ts';
import { startHarness } from './support/harness.ts';
import { call, header } from './support/http.ts';

const timeout = 10_000;

test('sends blobs to another origin, which knows signatures alone', { timeout }, async () => {
  let now = 1_000_000;
  await using harness = await startHarness({ now: () => now });
  const { server, image } = harness;
  const digest = image.layers[0]?.digest ?? '';
  const locate = async (method: 'GET' | 'HEAD' = 'GET'): Promise<URL> => {
    const redirected = await call(`${server.url}/v2/app/blobs/${digest}`, { method });
    assert.equal(redirected.status, 307);
    return new URL(header(redirected, 'location'));
  };
  server.faults = { redirect: { ttlSeconds: 10 } };
  const location = await locate();
  assert.notEqual(location.host, server.host);
  const got = await call(location, { headers: { range: 'bytes=0-99' } });
  assert.deepEqual([got.status, got.body.byteLength], [206, 100]);
  assert.equal(digestOf((await call(location)).body), digest);
  assert.equal((await call(await locate('HEAD'), { method: 'HEAD' })).status, 200);
  const forged = new URL(location);
  forged.searchParams.set('expires', '9999999');
  assert.equal((await call(forged)).status, 403);
  assert.equal((await call(`${location.origin}/v2/`)).status, 404);
  assert.equal((await call(server.url + location.pathname + location.search)).status, 404);
  now += 10_000;
  assert.equal((await call(location)).status, 403);
  assert.equal((await call(await locate())).status, 200);
});

test('serves a single-use address once', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  server.faults = { rules: [{ on: { kind: 'blob' }, redirect: { singleUse: true, status: 302 } }] };
  const url = `${server.url}/v2/app/blobs/${image.layers[0]?.digest}`;
  const redirected = await call(url);
  assert.equal(redirected.status, 302);
  const location = header(redirected, 'location');
  assert.equal((await call(location)).status, 200);
  assert.equal((await call(location)).status, 403);
});

test('counts credentials that reach the other origin', { timeout }, async () => {
  await using harness = await startHarness({ faults: { redirect: {} } });
  const { server, image } = harness;
  const headers = { authorization: 'Basic YTpi' };
  const redirected = await call(`${server.url}/v2/app/blobs/${image.layers[0]?.digest}`, {
    headers,
  });
  assert.equal(server.stats.authorizationLeaks, 0);
  await call(header(redirected, 'location'), { headers });
  assert.equal(server.stats.authorizationLeaks, 1);
  assert.deepEqual(
    server.stats.log.map(({ kind, authorized }) => [kind, authorized]),
    [
      ['blob', true],
      ['content', true],
    ],
  );
});
