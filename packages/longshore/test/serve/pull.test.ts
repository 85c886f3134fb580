import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { digestOf, parseManifest } from '../../src/image/index.ts';
import { startHarness } from './support/harness.ts';

const timeout = 10_000;

test('serves an image by tag and by digest, and its blobs', { timeout }, async () => {
  await using harness = await startHarness();
  const { server, image } = harness;
  const byTag = await request(`${server.url}/v2/app/manifests/1`);
  const bytes = Buffer.from(await byTag.body.arrayBuffer());
  assert.equal(byTag.statusCode, 200);
  assert.equal(byTag.headers['docker-content-digest'], image.descriptor.digest);
  assert.equal(byTag.headers['content-type'], image.descriptor.mediaType);
  assert.equal(digestOf(bytes), image.descriptor.digest);
  const byDigest = await request(`${server.url}/v2/app/manifests/${image.descriptor.digest}`);
  assert.deepEqual(Buffer.from(await byDigest.body.arrayBuffer()), bytes);
  const manifest = parseManifest(bytes, image.descriptor.mediaType);
  assert.equal(manifest.kind, 'manifest');
  for (const blob of image.blobs) {
    const got = await request(`${server.url}/v2/app/blobs/${blob.digest}`);
    const content = Buffer.from(await got.body.arrayBuffer());
    assert.equal(got.headers['content-length'], String(blob.size));
    assert.equal(digestOf(content), blob.digest);
    assert.equal(server.stats.bytesServedByDigest.get(blob.digest), blob.size);
  }
});
