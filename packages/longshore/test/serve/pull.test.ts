import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, MEDIA_TYPES } from '../../src/image/index.ts';
import { createRegistryServer, seedArtifact, seedImage } from '../../src/serve/index.ts';
import { startHarness } from './support/harness.ts';
import { call, errorCode, header } from './support/http.ts';

const timeout = 10_000;
const ABSENT = `sha256:${'0'.repeat(64)}`;

test('serves an image by tag and by digest, and its blobs', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  const { digest, mediaType, size } = image.descriptor;
  for (const target of ['1', digest]) {
    const got = await call(`${server.url}/v2/app/manifests/${target}`);
    assert.equal(got.status, 200);
    assert.equal(header(got, 'docker-content-digest'), digest);
    assert.equal(header(got, 'content-type'), mediaType);
    assert.equal(digestOf(got.body), digest);
    const head = await call(`${server.url}/v2/app/manifests/${target}`, { method: 'HEAD' });
    assert.equal(header(head, 'docker-content-digest'), digest);
    assert.equal(header(head, 'content-length'), String(size));
    assert.equal(head.body.byteLength, 0);
  }
  for (const blob of image.blobs) {
    const got = await call(`${server.url}/v2/app/blobs/${blob.digest}`);
    assert.equal(header(got, 'content-length'), String(blob.size));
    assert.equal(header(got, 'accept-ranges'), 'bytes');
    assert.equal(digestOf(got.body), blob.digest);
    assert.equal(server.stats.bytesServedByDigest.get(blob.digest), blob.size);
    const head = await call(`${server.url}/v2/app/blobs/${blob.digest}`, { method: 'HEAD' });
    assert.equal(header(head, 'content-length'), String(blob.size));
  }
  assert.equal(
    header(await call(`${server.url}/v2/`), 'docker-distribution-api-version'),
    'registry/2.0',
  );
});

test('answers single ranges, and refuses those past the end', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  const [layer] = image.layers;
  assert.ok(layer);
  const url = `${server.url}/v2/app/blobs/${layer.digest}`;
  const { body: whole } = await call(url);
  const cases: readonly [string, number, number][] = [
    ['bytes=0-', 0, layer.size],
    ['bytes=100-199', 100, 200],
    [`bytes=200000-${layer.size + 50}`, 200_000, layer.size],
    ['bytes=-10', layer.size - 10, layer.size],
  ];
  for (const [range, start, end] of cases) {
    const part = await call(url, { headers: { range } });
    assert.equal(part.status, 206, range);
    assert.equal(header(part, 'content-range'), `bytes ${start}-${end - 1}/${layer.size}`);
    assert.equal(header(part, 'content-length'), String(end - start));
    assert.deepEqual(part.body, whole.subarray(start, end));
  }
  const past = await call(url, { headers: { range: `bytes=${layer.size}-` } });
  assert.equal(past.status, 416);
  assert.equal(header(past, 'content-range'), `bytes */${layer.size}`);
  const several = await call(url, { headers: { range: 'bytes=0-1,5-6' } });
  assert.equal(several.status, 200);
});

test('says what is not there in the words of the specification', { timeout }, async () => {
  await using harness = await startHarness();
  const { url } = harness.server;
  const cases: readonly [string, number, string][] = [
    ['/v2/app/manifests/2', 404, 'MANIFEST_UNKNOWN'],
    [`/v2/app/manifests/${ABSENT}`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/app/blobs/${ABSENT}`, 404, 'BLOB_UNKNOWN'],
    ['/v2/app/blobs/sha256:abc', 400, 'DIGEST_INVALID'],
    ['/v2/none/tags/list', 404, 'NAME_UNKNOWN'],
    ['/v2/App/manifests/1', 400, 'NAME_INVALID'],
    ['/v2/app/manifests/-x', 400, 'MANIFEST_INVALID'],
    ['/v2/..%2f..%2fetc/manifests/1', 400, 'NAME_INVALID'],
    ['/v3/', 404, 'UNSUPPORTED'],
  ];
  for (const [path, status, code] of cases) {
    const got = await call(url + path);
    assert.deepEqual([got.status, errorCode(got)], [status, code], path);
  }
  assert.equal((await call(`${url}/v2/app/blobs/${ABSENT}`, { method: 'PUT' })).status, 405);
});

test('finds repositories of other hosts by their path or by ns', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server } = harness;
  const other = await seedImage(store, { name: 'ghcr.io/owner/tool:2', layers: [{ size: 10 }] });
  const hub = await seedImage(store, { name: 'debian:12', layers: [{ size: 20 }] });
  const found = async (path: string): Promise<string> =>
    header(await call(server.url + path), 'docker-content-digest');
  assert.equal(await found('/v2/ghcr.io/owner/tool/manifests/2'), other.descriptor.digest);
  assert.equal(await found('/v2/owner/tool/manifests/2?ns=ghcr.io'), other.descriptor.digest);
  assert.equal(await found('/v2/docker.io/debian/manifests/12'), hub.descriptor.digest);
  assert.equal(await found('/v2/library/debian/manifests/12?ns=docker.io'), hub.descriptor.digest);
  assert.equal(await found('/v2/localhost/app/manifests/1'), harness.image.descriptor.digest);
  const { repositories } = (await call(`${server.url}/v2/_catalog`)).json() as {
    repositories: string[];
  };
  assert.deepEqual(repositories, ['app', 'docker.io/library/debian', 'ghcr.io/owner/tool']);
});

test('pages through tags', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server, image } = harness;
  for (const tag of ['b', 'a', 'C'])
    await store.setReference(`localhost/app:${tag}`, image.descriptor);
  await store.setReference(`localhost/app:d@${image.descriptor.digest}`, image.descriptor);
  const seen: unknown[] = [];
  let path: string | undefined = '/v2/app/tags/list?n=3';
  while (path !== undefined) {
    const page = await call(server.url + path);
    seen.push(page.json());
    const link = page.headers['link'];
    path = typeof link === 'string' ? /^<(.+)>; rel="next"$/.exec(link)?.[1] : undefined;
  }
  assert.deepEqual(seen, [
    { name: 'app', tags: ['1', 'C', 'a'] },
    { name: 'app', tags: ['b'] },
  ]);
  assert.equal((await call(`${server.url}/v2/app/tags/list?n=x`)).status, 400);
});

test('serves indexes, Docker schema 2 and artifacts without layers', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server, image } = harness;
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
  ];
  const many = await seedImage(store, { name: 'localhost/many:1', platforms, flavour: 'docker' });
  const index = await call(`${server.url}/v2/many/manifests/1`);
  assert.equal(header(index, 'content-type'), MEDIA_TYPES.dockerManifestList);
  for (const manifest of many.manifests) {
    const got = await call(`${server.url}/v2/many/manifests/${manifest.digest}`);
    assert.equal(header(got, 'content-type'), MEDIA_TYPES.dockerManifest);
    assert.equal(digestOf(got.body), manifest.digest);
  }
  const note = { name: 'localhost/app:note', artifactType: 'text/note', subject: image.descriptor };
  const artifact = await seedArtifact(store, { ...note, annotations: { says: 'hello' } });
  const list = await call(`${server.url}/v2/app/referrers/${image.descriptor.digest}`);
  const { mediaType, digest, size } = artifact.descriptor;
  const entry = {
    mediaType,
    digest,
    size,
    artifactType: 'text/note',
    annotations: { says: 'hello' },
  };
  assert.deepEqual(list.json(), {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [entry],
  });
  const others = await call(
    `${server.url}/v2/app/referrers/${image.descriptor.digest}?artifactType=x/y`,
  );
  assert.equal(header(others, 'oci-filters-applied'), 'artifactType');
  assert.deepEqual((others.json() as { manifests: unknown }).manifests, []);
});

test('keeps repositories apart, unless told to share', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server, image } = harness;
  await seedImage(store, { name: 'localhost/other:1', layers: [{ size: 5 }] });
  const layer = image.layers[0]?.digest ?? '';
  const path = `/v2/other/blobs/${layer}`;
  assert.equal((await call(server.url + path)).status, 404);
  await using shared = await createRegistryServer({ store, visibility: 'shared' });
  assert.equal((await call(shared.url + path)).status, 200);
  const manifest = `/v2/other/manifests/${image.descriptor.digest}`;
  assert.equal((await call(server.url + manifest)).status, 404);
  assert.equal((await call(shared.url + manifest)).status, 200);
});

test('sees what others put into the store after it has started', { timeout }, async () => {
  await using harness = await startHarness();
  const { store, server } = harness;
  assert.equal((await call(`${server.url}/v2/late/manifests/1`)).status, 404);
  const late = await seedImage(store, {
    name: 'localhost/late:1',
    layers: [{ size: 9, seed: 'z' }],
  });
  for (const blob of late.blobs) {
    assert.equal((await call(`${server.url}/v2/late/blobs/${blob.digest}`)).status, 200);
  }
});
