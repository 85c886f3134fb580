import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../src/image/index.ts';
import type { Faults } from '../../src/serve/index.ts';
import { until } from '../support/until.ts';
import { type Harness, startHarness } from './support/harness.ts';
import { call, errorCode, header } from './support/http.ts';
import { getRaw, type RawAnswer, sendRaw } from './support/rawClient.ts';

const timeout = 15_000;

/** The first layer of the harness's image, as a path and as bytes. */
async function firstLayer(harness: Harness): Promise<{ path: string; bytes: Buffer }> {
  const digest = harness.image.layers[0]?.digest;
  assert.ok(digest);
  return {
    path: `/v2/app/blobs/${digest}`,
    bytes: await harness.store.read(digest, 10_000_000),
  };
}

async function getWith(
  harness: Harness,
  faults: Faults,
  headers: readonly string[] = [],
): Promise<RawAnswer> {
  harness.server.faults = { rules: [{ on: { kind: 'blob' }, ...faults }] };
  const { path } = await firstLayer(harness);
  return getRaw(harness.server, path, headers);
}

test('closes or resets a body where told', { timeout }, async () => {
  await using harness = await startHarness();
  const { bytes } = await firstLayer(harness);
  for (const at of [0, 1, 100_000]) {
    const closed = await getWith(harness, { truncateAt: at });
    assert.deepEqual([closed.status, closed.end], [200, 'closed']);
    assert.equal(closed.headers.get('content-length'), String(bytes.byteLength));
    assert.deepEqual(closed.body, bytes.subarray(0, at));
    const reset = await getWith(harness, { resetAt: at });
    assert.equal(reset.end, 'reset');
    assert.ok(reset.body.byteLength <= at);
  }
  const beyond = await getWith(harness, { truncateAt: bytes.byteLength + 1 });
  assert.deepEqual(beyond.body, bytes);
  await harness.server.idle();
  assert.equal(harness.server.stats.log.at(-1)?.complete, true);
  assert.equal(harness.server.stats.log.at(-2)?.complete, false);
});

test('stands still where told until the client leaves', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const { path } = await firstLayer(harness);
  server.faults = { rules: [{ on: { kind: 'blob', nth: 1 }, stallAt: 1000 }] };
  const socket = sendRaw(server, [`GET ${path} HTTP/1.1`, 'Host: test']);
  let seen = 0;
  socket.on('data', (chunk) => {
    seen += chunk.byteLength;
  });
  await until(() => seen > 1000);
  assert.equal(server.stats.bytesServed, 1000);
  assert.equal(server.stats.bodies, 1);
  assert.equal((await getRaw(server, path)).end, 'closed');
  await until(() => server.stats.bodies === 1);
  socket.destroy();
  await until(() => server.stats.bodies === 0);
});

test('corrupts one byte of the blob, whichever range it is in', { timeout }, async () => {
  await using harness = await startHarness();
  const { bytes } = await firstLayer(harness);
  const whole = await getWith(harness, { corruptAt: 150_000 });
  const expected = Buffer.from(bytes);
  expected[150_000] = (expected[150_000] ?? 0) ^ 0xff;
  assert.deepEqual(whole.body, expected);
  const part = await getWith(harness, { corruptAt: 150_000 }, ['Range: bytes=150000-150009']);
  assert.deepEqual(part.body, expected.subarray(150_000, 150_010));
  const other = await getWith(harness, { corruptAt: 150_000 }, ['Range: bytes=0-9']);
  assert.deepEqual(other.body, bytes.subarray(0, 10));
});

test('answers ranges wrongly in each way', { timeout }, async () => {
  await using harness = await startHarness();
  const { bytes } = await firstLayer(harness);
  const size = bytes.byteLength;
  const ask = (range: NonNullable<Faults['range']>): Promise<RawAnswer> =>
    getWith(harness, { range }, ['Range: bytes=100-199']);
  assert.equal((await ask('refuse')).status, 416);
  const ignored = await ask('ignore');
  assert.equal(ignored.status, 200);
  assert.equal(ignored.headers.has('accept-ranges'), false);
  assert.deepEqual(ignored.body, bytes);
  const label = (answer: RawAnswer): string | undefined => answer.headers.get('content-range');
  const shifted = await ask('other-offset');
  assert.deepEqual([shifted.status, label(shifted)], [206, `bytes 101-199/${size}`]);
  assert.deepEqual(shifted.body, bytes.subarray(101, 200));
  assert.equal(label(await ask('other-total')), `bytes 100-199/${size + 1}`);
  const shorter = await ask('shorter');
  assert.equal(label(shorter), `bytes 100-149/${size}`);
  assert.deepEqual(shorter.body, bytes.subarray(100, 150));
  const unlabelled = await ask('unlabelled');
  assert.deepEqual([unlabelled.status, label(unlabelled)], [206, undefined]);
  const parts = await ask('multipart');
  assert.match(parts.headers.get('content-type') ?? '', /^multipart\/byteranges; boundary=/);
  assert.equal(parts.headers.get('content-length'), String(parts.body.byteLength));
  assert.ok(parts.body.includes(`Content-Range: bytes 100-199/${size}`));
  assert.ok(parts.body.includes(bytes.subarray(100, 200)));
});

test('lies about lengths and digests', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  const { bytes } = await firstLayer(harness);
  const size = bytes.byteLength;
  const missing = await getWith(harness, { length: 'missing' });
  assert.equal(missing.headers.get('transfer-encoding'), 'chunked');
  assert.equal(missing.headers.has('content-length'), false);
  const short = await getWith(harness, { length: 'short' });
  assert.equal(short.headers.get('content-length'), String(size - 1));
  assert.deepEqual(short.body, bytes);
  const long = await getWith(harness, { length: 'long' });
  assert.deepEqual([long.headers.get('content-length'), long.end], [String(size + 1), 'closed']);
  assert.deepEqual(long.body, bytes);
  const url = `${server.url}/v2/app/manifests/1`;
  server.faults = { digestHeader: 'wrong' };
  const wrong = header(await call(url, { method: 'HEAD' }), 'docker-content-digest');
  assert.match(wrong, /^sha256:[0-9a-f]{64}$/);
  assert.notEqual(wrong, image.descriptor.digest);
  server.faults = { rules: [{ on: { method: 'HEAD' }, digestHeader: 'missing' }] };
  const none = await call(url, { method: 'HEAD' });
  assert.equal(none.headers['docker-content-digest'], undefined);
  assert.equal(header(await call(url), 'docker-content-digest'), image.descriptor.digest);
});

test('damages manifests as it does blobs', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  server.faults = { rules: [{ on: { kind: 'manifest' }, corruptAt: 5, bytesPerSecond: 1 }] };
  const got = await call(`${server.url}/v2/app/manifests/1`);
  assert.equal(got.body.byteLength, image.descriptor.size);
  assert.notEqual(digestOf(got.body), image.descriptor.digest);
});

test('refuses with the status, the delay and the headers that are set', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const url = `${server.url}/v2/app/manifests/1`;
  server.faults = {
    headers: { 'ratelimit-remaining': '7;w=60' },
    rules: [
      { on: { first: 1 }, status: 429, retryAfter: 2 },
      { on: { nth: 2 }, status: 503, retryAfter: '12.5ms', latencyMs: 40 },
      { on: { nth: 3 }, status: 401 },
    ],
  };
  const first = await call(url);
  assert.deepEqual([first.status, errorCode(first)], [429, 'TOOMANYREQUESTS']);
  assert.equal(header(first, 'retry-after'), '2');
  const started = performance.now();
  const second = await call(url);
  assert.deepEqual([second.status, header(second, 'retry-after')], [503, '12.5ms']);
  assert.ok(performance.now() - started >= 39);
  const third = await call(url);
  assert.deepEqual([third.status, third.headers['retry-after']], [401, undefined]);
  const fourth = await call(url);
  assert.deepEqual([fourth.status, header(fourth, 'ratelimit-remaining')], [200, '7;w=60']);
  await server.idle();
  assert.deepEqual(server.stats.requestsByStatus, { 200: 1, 401: 1, 429: 1, 503: 1 });
});

test('gives no answer at all, by reset or by silence', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  server.faults = { status: 'reset' };
  const reset = await getRaw(server, '/v2/');
  assert.deepEqual([reset.status, reset.end], [0, 'reset']);
  server.faults = { status: 'silence' };
  const socket = sendRaw(server, ['GET /v2/ HTTP/1.1', 'Host: test']);
  await until(() => server.stats.requests === 2);
  assert.equal(socket.bytesRead, 0);
  socket.destroy();
  await until(() => server.stats.log[1]?.endedAt !== undefined);
  assert.equal(server.stats.log[1]?.status, undefined);
});

test('stands still in an upload, however small it is', { timeout }, async () => {
  await using harness = await startHarness({ faults: { stallAt: 3 } });
  const { server } = harness;
  const digest = digestOf(Buffer.from('hello'));
  const socket = sendRaw(server, [
    `POST /v2/a/blobs/uploads/?digest=${digest} HTTP/1.1`,
    'Host: test',
    'Content-Length: 5',
  ]);
  socket.write('hello');
  await until(() => server.stats.bytesReceived === 3);
  // A second request is answered, so the first one has had its turn and stays without answer.
  assert.equal((await call(`${server.url}/v2/`)).status, 200);
  assert.deepEqual([socket.bytesRead, server.stats.bodies], [0, 1]);
  socket.destroy();
  await server.idle();
});

test('spoils uploads on the way in', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const body = Buffer.alloc(50_000, 'x');
  const put = (): ReturnType<typeof call> =>
    call(`${server.url}/v2/a/blobs/uploads/?digest=${digestOf(body)}`, { method: 'POST', body });
  server.faults = { corruptAt: 40_000 };
  const corrupt = await put();
  assert.deepEqual([corrupt.status, errorCode(corrupt)], [400, 'DIGEST_INVALID']);
  server.faults = { resetAt: 10_000 };
  await assert.rejects(put());
  await server.idle();
  assert.equal(server.stats.log.at(-1)?.bytesIn, 10_000);
  server.faults = { commitLatencyMs: 60 };
  const started = performance.now();
  assert.equal((await put()).status, 201);
  assert.ok(performance.now() - started >= 59);
});
