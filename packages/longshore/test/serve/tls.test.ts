import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLongshoreError } from '../../src/errors.ts';
import { createRegistryServer } from '../../src/serve/index.ts';
import { startHarness } from './support/harness.ts';
import { call, header } from './support/http.ts';

const timeout = 15_000;

/** A certificate for 127.0.0.1 that signs itself. */
async function selfSigned(): Promise<{ cert: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-tls-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const made = spawnSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' '),
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  const pair = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  await rm(folder, { recursive: true });
  return pair;
}

test('serves HTTPS on both of its origins', { timeout }, async () => {
  const tls = await selfSigned();
  await using harness = await startHarness({ tls, faults: { redirect: {} } });
  const { server, image } = harness;
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const redirected = await call(`${server.url}/v2/app/blobs/${image.layers[0]?.digest}`, {
    ca: tls.cert,
  });
  const location = header(redirected, 'location');
  assert.match(location, /^https:/);
  const got = await call(location, { ca: tls.cert });
  assert.equal(got.body.byteLength, image.layers[0]?.size);
  await assert.rejects(call(`${server.url}/v2/`), 'a certificate that nobody vouches for');
});

test('says which port it cannot have', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server } = harness;
  await assert.rejects(createRegistryServer({ store, port: server.port }), (error) => {
    assert.ok(isLongshoreError(error));
    assert.equal(error.code, 'ERR_SERVE_LISTEN');
    assert.match(error.message, new RegExp(String(server.port)));
    return true;
  });
});

test('closes at once, whatever is under way, and twice', { timeout }, async () => {
  await using harness = await startHarness({ faults: { bytesPerSecond: 10 } });
  const { server, image } = harness;
  const blob = call(`${server.url}/v2/app/blobs/${image.layers[0]?.digest}`);
  const failed = assert.rejects(blob);
  while (server.stats.bodies === 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([server.close(), server.close()]);
  await failed;
  assert.equal(server.stats.bodies, 0);
});
