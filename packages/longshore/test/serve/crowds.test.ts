import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { digestOf } from '../../src/image/index.ts';
import { hasOwner } from '../../src/serve/peerWatch.ts';
import { until } from '../support/until.ts';
import { type Harness, startHarness } from './support/harness.ts';
import { call, header } from './support/http.ts';
import { getRaw, sendRaw } from './support/rawClient.ts';

const timeout = 20_000;

/** Opens downloads that never end by themselves. */
function hold(harness: Harness, count: number): Socket[] {
  const path = `/v2/app/blobs/${harness.image.layers[0]?.digest}`;
  return Array.from({ length: count }, () =>
    sendRaw(harness.server, [`GET ${path} HTTP/1.1`, 'Host: test']).resume(),
  );
}

function blobPath(harness: Harness): string {
  return `/v2/app/blobs/${harness.image.layers[0]?.digest}`;
}

test('refuses or resets the body that is one too many', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const path = blobPath(harness);
  for (const effect of [429, 503, 'reset'] as const) {
    server.faults = { bytesPerSecond: 1000, retryAfter: 3, crowd: { above: 2, effect } };
    const held = hold(harness, 2);
    await until(() => server.stats.bodies === 2);
    const refused = await getRaw(server, path);
    assert.equal(refused.status, effect === 'reset' ? 0 : effect);
    assert.equal(refused.end, effect === 'reset' ? 'reset' : 'closed');
    assert.equal(refused.headers.get('retry-after'), effect === 'reset' ? undefined : '3');
    assert.equal((await call(`${server.url}/v2/app/manifests/1`)).status, 200, 'not a body');
    for (const socket of held) socket.destroy();
    await until(() => server.stats.bodies === 0);
    server.faults = { crowd: { above: 2, effect } };
    assert.equal((await getRaw(server, path)).status, 200);
  }
});

test('queue: lets the next one go when another has ended', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  server.faults = { bytesPerSecond: 1000, crowd: { above: 1, effect: 'queue' } };
  const [first] = hold(harness, 1);
  await until(() => server.stats.bytesServed > 0);
  const [second] = hold(harness, 1);
  await until(() => server.stats.bodies === 2);
  const [running, waiting] = server.stats.log;
  const before = running?.bytesOut ?? 0;
  await until(() => (running?.bytesOut ?? 0) > before + 100);
  assert.equal(waiting?.bytesOut, 0);
  first?.destroy();
  await until(() => (waiting?.bytesOut ?? 0) > 0);
  second?.destroy();
});

test('freeze: a download above the line stands still for good', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  server.faults = { bytesPerSecond: 1000, crowd: { above: 1, effect: 'freeze' } };
  const [first] = hold(harness, 1);
  await until(() => server.stats.bytesServed > 0);
  const [second] = hold(harness, 1);
  await until(() => server.stats.bodies === 2);
  first?.destroy();
  await until(() => server.stats.bodies === 1);
  const frozen = server.stats.log[1];
  assert.equal(frozen?.bytesOut, 0);
  second?.destroy();
  await until(() => server.stats.bodies === 0);
  const [third] = hold(harness, 1);
  await until(() => (server.stats.log[2]?.bytesOut ?? 0) > 0);
  third?.destroy();
});

test('freeze: an upload that its client gave up leaves the crowd', {
  timeout,
  skip: process.platform === 'linux' ? false : 'only Linux tells who has left',
}, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  server.faults = { rules: [{ on: { kind: 'upload' }, crowd: { above: 0, effect: 'freeze' } }] };
  const started = await call(`${server.url}/v2/a/blobs/uploads/`, { method: 'POST' });
  const { pathname, search } = new URL(header(started, 'location'), server.url);
  const size = 30_000_000;
  const socket = sendRaw(server, [
    `PATCH ${pathname}${search} HTTP/1.1`,
    'Host: test',
    `Content-Length: ${size}`,
  ]);
  socket.write(Buffer.alloc(size));
  await until(() => server.stats.bodies === 1);
  // More is under way than the kernels hold, so that a FIN cannot reach the server by itself.
  assert.ok(socket.writableLength > 0);
  socket.destroy();
  await until(() => server.stats.bodies === 0);
  assert.equal(server.stats.bytesReceived, 0);
  server.faults = {};
  const body = Buffer.from('again');
  const again = await call(`${server.url}${pathname}${search}&digest=${digestOf(body)}`, {
    method: 'PUT',
    body,
  });
  assert.equal(again.status, 201);
});

test('hasOwner reads the table of sockets', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:A1B2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4711 1',
    '   1: 0100007F:A1B3 0100007F:1F90 04 00280000:00000000 01:00000000 00000000     0        0 0 1',
    '   2: 0100007F:1F90 0100007F:A1B3 01 00000000:00280000 00:00000000 00000000     0        0 99 1',
  ].join('\n');
  assert.equal(hasOwner(table, 0xa1b2, 8080), true);
  assert.equal(hasOwner(table, 0xa1b3, 8080), false);
  assert.equal(hasOwner(table, 0xa1b4, 8080), false);
});
