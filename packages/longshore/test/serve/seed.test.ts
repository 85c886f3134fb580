import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { digestOf, MEDIA_TYPES, parseManifest } from '../../src/image/index.ts';
import { seedImage } from '../../src/serve/index.ts';
import { noise, storedGzip } from '../../src/serve/seedLayer.ts';
import { startHarness } from './support/harness.ts';

const timeout = 15_000;

test('storedGzip is gzip of what went in', () => {
  const chunk = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
      const packed = Buffer.concat([...storedGzip(chunks)]);
      assert.deepEqual(gunzipSync(packed), Buffer.concat(chunks));
    }),
  );
  const large = [...noise('x', 200_000)];
  assert.deepEqual(gunzipSync(Buffer.concat([...storedGzip(large)])), Buffer.concat(large));
});

test('noise depends on its seed and on nothing else', () => {
  const bytes = (seed: string, size: number): Buffer => Buffer.concat([...noise(seed, size)]);
  assert.equal(bytes('a', 600_000).byteLength, 600_000);
  assert.deepEqual(bytes('a', 600_000).subarray(0, 1000), bytes('a', 1000));
  assert.notDeepEqual(bytes('a', 1000), bytes('b', 1000));
});

test('layers are tars that tar reads, with the diff IDs of the config', { timeout }, async () => {
  await using harness = await startHarness({ layers: [{ size: 100_000 }, { size: 512 }] });
  const { store, image } = harness;
  const bytes = await store.read(image.descriptor.digest, 100_000);
  const manifest = parseManifest(bytes, image.descriptor.mediaType);
  assert.equal(manifest.kind, 'manifest');
  const config = JSON.parse((await store.read(manifest.config.digest, 10_000)).toString());
  for (const [i, layer] of manifest.layers.entries()) {
    const packed = await store.read(layer.digest, 1_000_000);
    assert.equal(packed.byteLength, layer.size);
    const tar = gunzipSync(packed);
    assert.equal(digestOf(tar), config.rootfs.diff_ids[i]);
    assert.equal(image.layers[i]?.diffId, config.rootfs.diff_ids[i]);
    const listed = spawnSync('tar', ['-tvz'], { input: packed });
    assert.equal(listed.status, 0, listed.stderr.toString());
    assert.match(listed.stdout.toString(), /^-rw-r--r-- 0\/0 +(100000|512) .* seed\/.+\.bin\n$/);
  }
});

test('equal options make equal images, on every machine', { timeout }, async () => {
  await using harness = await startHarness();
  const { store } = harness;
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  const options = { name: 'localhost/x:1', layers: [{ size: 70_000, seed: 'base' }], platforms };
  const first = await seedImage(store, options);
  const second = await seedImage(store, { ...options, name: 'localhost/y:1' });
  assert.deepEqual(second.descriptor, first.descriptor);
  assert.equal(first.descriptor.mediaType, MEDIA_TYPES.ociIndex);
  // One shared layer, and a config and a layer of its own for each platform.
  assert.equal(first.blobs.length, 5);
  assert.equal(
    first.descriptor.digest,
    'sha256:3dbad5e4fdd3a38b6d52e2c1947f796b080d6b89dd47e3678685183ebb618921',
  );
});
