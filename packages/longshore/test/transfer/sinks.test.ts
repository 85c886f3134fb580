import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestHex, digestOf, MEDIA_TYPES } from '../../src/image/index.ts';
import { openStore } from '../../src/store/index.ts';
import { createLayersSink, createOciSink } from '../../src/transfer/index.ts';
import { layerFileName } from '../../src/transfer/sinks/layersSink.ts';
import { harbour } from './harness.ts';

const LIMIT = { timeout: 30_000 };

test('layers: gives each layer once, by digest and by what it really is', LIMIT, async () => {
  await using port = await harbour();
  const shared = { size: 20_000, seed: 'shared' };
  const a = await port.seed('a:1', { layers: [shared, { size: 10, seed: 'a' }] });
  const b = await port.seed('b:1', { layers: [shared, { size: 10, seed: 'b' }] });
  const folder = join(port.folder, 'out', 'layers');
  const result = await port.pull(['a:1', 'b:1'], { sinks: [createLayersSink(folder)] });
  assert.equal(result.outcome, 'succeeded');
  const expected = new Set(
    [...a.layers, ...b.layers].map(({ digest }) => `sha256-${digestHex(digest)}.tar.gz`),
  );
  assert.deepEqual(new Set(await readdir(folder)), expected);
  for (const { digest } of a.layers) {
    const bytes = await readFile(join(folder, `sha256-${digestHex(digest)}.tar.gz`));
    assert.equal(digestOf(bytes), digest);
  }
});

test('a layer is named after its first bytes', () => {
  const digest = digestOf(Buffer.from('x'));
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257);
  const ending = (bytes: Buffer): string =>
    layerFileName(digest, bytes.subarray(0, 262)).replace(/^sha256-\w{64}/, '');
  assert.equal(ending(gzipSync(tar)), '.tar.gz');
  assert.equal(ending(zstdCompressSync(tar)), '.tar.zst');
  assert.equal(ending(tar), '.tar');
  assert.equal(ending(Buffer.alloc(1024)), '.tar');
  assert.equal(ending(Buffer.from('{}')), '.bin');
  assert.equal(ending(Buffer.alloc(0)), '.bin');
});

test('oci: adds to a layout, replaces a name, and keeps what others put there', LIMIT, async () => {
  await using port = await harbour();
  const folder = join(port.folder, 'layout');
  const foreign = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: digestOf(Buffer.from('f')),
    size: 1,
  };
  await mkdir(folder);
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [foreign] }),
  );
  await port.seed('a:1', { layers: [{ size: 5000, seed: 'old' }] });
  await port.pull(['a:1'], { sinks: [createOciSink(folder)] });
  const image = await port.seed('a:1', { layers: [{ size: 5000, seed: 'new' }] });
  const other = await port.seed('b:1', { layers: [{ size: 5000, seed: 'new' }] });
  await port.pull(['a:1', 'b:1'], { sinks: [createOciSink(folder)] });
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const names = index.manifests.map(({ digest, annotations }) => [
    digest,
    annotations?.['org.opencontainers.image.ref.name'],
  ]);
  assert.equal(names.length, 3);
  assert.deepEqual(names[0], [foreign.digest, undefined]);
  assert.ok(
    names.some(([digest, name]) => digest === image.descriptor.digest && name === port.at('a:1')),
  );
  assert.ok(
    names.some(([digest, name]) => digest === other.descriptor.digest && name === port.at('b:1')),
  );
  for (const { digest, size } of [...image.blobs, image.descriptor]) {
    assert.equal((await stat(join(folder, 'blobs/sha256', digestHex(digest)))).size, size);
  }
});

test('oci: holds every platform of an index that was pulled whole', LIMIT, async () => {
  await using port = await harbour();
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  const image = await port.seed('m:1', { platforms, layers: [{ size: 100 }] });
  const folder = join(port.folder, 'layout');
  await port.pull(['m:1'], { platform: 'all', sinks: [createOciSink(folder)] });
  const copy = await openStore(folder).catch((error: unknown) => error);
  assert.ok(copy instanceof Error, 'a plain layout is not a store');
  for (const { digest } of [...image.blobs, ...image.manifests, image.descriptor]) {
    assert.equal(digestOf(await readFile(join(folder, 'blobs/sha256', digestHex(digest)))), digest);
  }
});

test('an output that cannot be written fails its image with one clear error', LIMIT, async () => {
  await using port = await harbour();
  await port.seed('a:1', { layers: [{ size: 100 }] });
  const file = join(port.folder, 'file');
  await writeFile(file, '');
  const broken = join(port.folder, 'broken');
  await mkdir(broken);
  await writeFile(join(broken, 'index.json'), 'not json');
  const blocked = await port.pull(['a:1'], { sinks: [createLayersSink(join(file, 'x'))] });
  assert.equal(blocked.images[0]?.error?.code, 'ERR_OUTPUT_NOT_WRITABLE');
  const invalid = await port.pull(['a:1'], { sinks: [createOciSink(broken)] });
  assert.equal(invalid.images[0]?.error?.code, 'ERR_OUTPUT_INVALID');
  assert.equal(await readFile(join(broken, 'index.json'), 'utf8'), 'not json');
});
