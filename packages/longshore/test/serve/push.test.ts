import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type Descriptor, digestOf, MEDIA_TYPES } from '../../src/image/index.ts';
import { createRegistryServer, type RegistryServer } from '../../src/serve/index.ts';
import { until } from '../support/until.ts';
import { startHarness } from './support/harness.ts';
import { call, errorCode, header } from './support/http.ts';
import { sendRaw } from './support/rawClient.ts';

const timeout = 15_000;

function withDigest(server: RegistryServer, location: string, digest: string): string {
  const url = new URL(location, server.url);
  url.searchParams.set('digest', digest);
  return url.href;
}

async function startUpload(server: RegistryServer, repository: string): Promise<string> {
  const started = await call(`${server.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  assert.equal(started.status, 202);
  return new URL(header(started, 'location'), server.url).href;
}

async function pushBlob(server: RegistryServer, repository: string, bytes: Uint8Array) {
  const location = await startUpload(server, repository);
  const url = withDigest(server, location, digestOf(bytes));
  assert.equal((await call(url, { method: 'PUT', body: bytes })).status, 201);
  return digestOf(bytes);
}

/** A manifest of one config, and the descriptor it is known by. */
function manifestOf(config: Uint8Array, more: object = {}): { text: string; digest: string } {
  const descriptor: Descriptor = {
    mediaType: MEDIA_TYPES.ociConfig,
    digest: digestOf(config),
    size: config.byteLength,
  };
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config: descriptor };
  const text = JSON.stringify({ ...document, layers: [], ...more });
  return { text, digest: digestOf(Buffer.from(text)) };
}

const manifestHeaders: Readonly<Record<string, string>> = {
  'content-type': MEDIA_TYPES.ociManifest,
};

test('takes a blob in one POST, in one PUT and in chunks', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, store } = harness;
  const bytes = randomBytes(300_000);
  const digest = digestOf(bytes);
  const once = await call(`${server.url}/v2/a/blobs/uploads/?digest=${digest}`, {
    method: 'POST',
    body: bytes,
  });
  assert.equal(once.status, 201);
  assert.equal(header(once, 'docker-content-digest'), digest);
  const second = randomBytes(1000);
  await pushBlob(server, 'a', second);
  const third = randomBytes(100_000);
  let location = await startUpload(server, 'a');
  for (const [start, end] of [
    [0, 40_000],
    [40_000, 70_000],
  ] as const) {
    const patched = await call(location, {
      method: 'PATCH',
      headers: { 'content-range': `${start}-${end - 1}` },
      body: third.subarray(start, end),
    });
    assert.equal(patched.status, 202);
    assert.equal(header(patched, 'range'), `0-${end - 1}`);
    location = new URL(header(patched, 'location'), server.url).href;
  }
  const status = await call(location);
  assert.deepEqual([status.status, header(status, 'range')], [204, '0-69999']);
  const finished = await call(withDigest(server, location, digestOf(third)), {
    method: 'PUT',
    body: third.subarray(70_000),
  });
  assert.equal(finished.status, 201);
  for (const blob of [bytes, second, third]) {
    assert.deepEqual(await store.read(digestOf(blob), 1_000_000), Buffer.from(blob));
    assert.equal((await call(`${server.url}/v2/a/blobs/${digestOf(blob)}`)).status, 200);
  }
});

test('refuses chunks out of order, wrong lengths and wrong digests', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const location = await startUpload(server, 'a');
  const gap = { method: 'PATCH', headers: { 'content-range': '5-9' }, body: 'abcde' } as const;
  const ahead = await call(location, gap);
  assert.deepEqual([ahead.status, errorCode(ahead)], [416, 'RANGE_INVALID']);
  assert.equal(header(ahead, 'range'), '0-0');
  const long = await call(location, { ...gap, headers: { 'content-range': '0-9' } });
  assert.deepEqual([long.status, errorCode(long)], [400, 'SIZE_INVALID']);
  const wrong = withDigest(server, location, digestOf(Buffer.from('other')));
  const refused = await call(wrong, { method: 'PUT', body: 'abcde' });
  assert.deepEqual([refused.status, errorCode(refused)], [400, 'DIGEST_INVALID']);
  const gone = await call(location);
  assert.deepEqual([gone.status, errorCode(gone)], [404, 'BLOB_UPLOAD_UNKNOWN']);
});

test('needs the whole Location back, for the same repository', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const url = new URL(await startUpload(server, 'a'));
  assert.equal((await call(url.origin + url.pathname)).status, 404);
  assert.equal((await call(url.href.replace('/v2/a/', '/v2/b/'))).status, 404);
  assert.equal((await call(url, { method: 'DELETE' })).status, 204);
  assert.equal((await call(url)).status, 404);
});

test('mounts what the other repository has, and nothing else', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  const digest = image.layers[0]?.digest ?? '';
  const mount = (from: string): ReturnType<typeof call> =>
    call(`${server.url}/v2/b/blobs/uploads/?mount=${digest}&from=${from}`, { method: 'POST' });
  const missing = await mount('nowhere');
  assert.equal(missing.status, 202);
  assert.match(header(missing, 'location'), /\/v2\/b\/blobs\/uploads\/.+/);
  assert.equal((await call(`${server.url}/v2/b/blobs/${digest}`)).status, 404);
  server.faults = { refuseMounts: true };
  assert.equal((await mount('app')).status, 202);
  server.faults = {};
  const mounted = await mount('app');
  assert.deepEqual([mounted.status, header(mounted, 'docker-content-digest')], [201, digest]);
  assert.equal((await call(`${server.url}/v2/b/blobs/${digest}`)).status, 200);
});

test('takes manifests only with all that they refer to', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const config = Buffer.from('{"os":"linux"}');
  const { text, digest } = manifestOf(config);
  const put = (target: string, body = text, headers = manifestHeaders) =>
    call(`${server.url}/v2/new/manifests/${target}`, { method: 'PUT', headers, body });
  const early = await put('1');
  assert.deepEqual([early.status, errorCode(early)], [400, 'MANIFEST_BLOB_UNKNOWN']);
  await pushBlob(server, 'new', config);
  const wrong = await put(digestOf(Buffer.from('x')));
  assert.deepEqual([wrong.status, errorCode(wrong)], [400, 'DIGEST_INVALID']);
  const lied = await put('1', text, { 'content-type': MEDIA_TYPES.dockerManifest });
  assert.deepEqual([lied.status, errorCode(lied)], [400, 'MANIFEST_INVALID']);
  const junk = await put('1', 'junk');
  assert.deepEqual([junk.status, errorCode(junk)], [400, 'MANIFEST_INVALID']);
  const huge = await put('1', JSON.stringify({ fill: 'x'.repeat(4 * 1024 * 1024) }));
  assert.equal(huge.status, 413);
  const taken = await put('1');
  assert.equal(taken.status, 201);
  assert.equal(header(taken, 'docker-content-digest'), digest);
  assert.equal((await call(`${server.url}/v2/new/manifests/${digest}`)).status, 200);
});

test('lists referrers that were pushed by digest, also after a restart', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, store, image } = harness;
  const config = Buffer.from('{}');
  await pushBlob(server, 'app', config);
  const { mediaType, digest, size } = image.descriptor;
  const signature = manifestOf(config, {
    subject: { mediaType, digest, size },
    artifactType: 'a/b',
  });
  const pushed = await call(`${server.url}/v2/app/manifests/${signature.digest}`, {
    method: 'PUT',
    headers: manifestHeaders,
    body: signature.text,
  });
  assert.deepEqual([pushed.status, header(pushed, 'oci-subject')], [201, digest]);
  await using again = await createRegistryServer({ store });
  for (const { url } of [server, again]) {
    const list = (await call(`${url}/v2/app/referrers/${digest}`)).json() as {
      manifests: { digest: string; artifactType: string }[];
    };
    assert.deepEqual(
      list.manifests.map((entry) => [entry.digest, entry.artifactType]),
      [[signature.digest, 'a/b']],
    );
    assert.equal((await call(`${url}/v2/app/manifests/${signature.digest}`)).status, 200);
  }
});

test('deletes tags, manifests and blobs', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, store, image } = harness;
  await store.setReference('localhost/app:2', image.descriptor);
  const remove = async (path: string): Promise<number> =>
    (await call(server.url + path, { method: 'DELETE' })).status;
  const has = async (path: string): Promise<boolean> =>
    (await call(server.url + path)).status === 200;
  const byDigest = `/v2/app/manifests/${image.descriptor.digest}`;
  assert.equal(await remove('/v2/app/manifests/2'), 202);
  assert.deepEqual([await has('/v2/app/manifests/2'), await has(byDigest)], [false, true]);
  assert.equal(await remove(byDigest), 202);
  assert.deepEqual([await has('/v2/app/manifests/1'), await has(byDigest)], [false, false]);
  const own = await pushBlob(server, 'app', Buffer.from('own'));
  assert.deepEqual(
    [await remove(`/v2/app/blobs/${own}`), await has(`/v2/app/blobs/${own}`)],
    [202, false],
  );
  assert.equal(await remove(byDigest), 404);
});

test('is read-only when told so', { timeout }, async () => {
  await using harness = await startHarness({ readOnly: true });
  const { server } = harness;
  for (const [method, path] of [
    ['POST', '/v2/app/blobs/uploads/'],
    ['PUT', '/v2/app/manifests/1'],
    ['DELETE', '/v2/app/manifests/1'],
  ] as const) {
    const got = await call(server.url + path, { method });
    assert.deepEqual([got.status, errorCode(got)], [405, 'UNSUPPORTED'], method);
  }
  assert.equal((await call(`${server.url}/v2/app/manifests/1`)).status, 200);
});

test('keeps what a broken upload has brought, for the next request', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const bytes = randomBytes(200_000);
  const location = await startUpload(server, 'a');
  const { pathname, search } = new URL(location);
  const socket = sendRaw(server, [
    `PATCH ${pathname}${search} HTTP/1.1`,
    'Host: test',
    `Content-Length: ${bytes.byteLength}`,
  ]);
  socket.write(bytes.subarray(0, 120_000));
  await until(() => server.stats.bytesReceived === 120_000);
  socket.destroy();
  await until(() => server.stats.bodies === 0);
  assert.equal(header(await call(location), 'range'), '0-119999');
  const rest = await call(withDigest(server, location, digestOf(bytes)), {
    method: 'PUT',
    headers: { 'content-range': '120000-199999' },
    body: bytes.subarray(120_000),
  });
  assert.equal(rest.status, 201);
});

test('lets a client go on whose last request still hangs', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const location = await startUpload(server, 'a');
  const { pathname, search } = new URL(location);
  const hanging = sendRaw(server, [
    `PATCH ${pathname}${search} HTTP/1.1`,
    'Host: test',
    'Content-Length: 1000',
  ]);
  hanging.write('abc');
  await until(() => server.stats.bytesReceived === 3);
  const body = 'defgh';
  const patched = await call(location, {
    method: 'PATCH',
    headers: { 'content-range': '3-7' },
    body,
  });
  assert.deepEqual([patched.status, header(patched, 'range')], [202, '0-7']);
  await until(() => hanging.destroyed);
});

test('throws uploads away that nobody comes back for', { timeout }, async () => {
  await using harness = await startHarness({ uploadIdleMs: 30 });
  const { server } = harness;
  const location = await startUpload(server, 'a');
  const deadline = performance.now() + 5000;
  let status = 204;
  while (status !== 404 && performance.now() < deadline) {
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    ({ status } = await call(location));
  }
  assert.equal(status, 404);
});

test('asks for the body only when it wants it', { timeout }, async () => {
  await using harness = await startHarness();
  const { server } = harness;
  const { pathname, search } = new URL(await startUpload(server, 'a'));
  const answer = (path: string): Promise<string> => {
    const socket = sendRaw(server, [
      `PATCH ${path} HTTP/1.1`,
      'Host: test',
      'Expect: 100-continue',
      'Content-Length: 3',
    ]);
    return new Promise((resolve) => {
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(chunk.toString('latin1').split('\r\n')[0] ?? '');
      });
    });
  };
  assert.equal(await answer(pathname + search), 'HTTP/1.1 100 Continue');
  assert.equal(await answer(pathname), 'HTTP/1.1 404 Not Found');
});
