import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestHex, digestOf, MEDIA_TYPES, parseManifest } from '../../src/image/index.ts';
import { openStore, pruneStore } from '../../src/store/index.ts';
import { createLayersSink, createOciSink, type ImageSink } from '../../src/transfer/index.ts';
import { layerFileName } from '../../src/transfer/sinks/layersSink.ts';
import { eventsOf, harbour } from './harness.ts';

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

test(
  'an image in Docker types is kept as it is, and named to OCI tools by its twin',
  LIMIT,
  async () => {
    await using port = await harbour();
    const image = await port.seed('d:1', { flavour: 'docker', layers: [{ size: 2000 }] });
    const folder = join(port.folder, 'layout');
    const result = await port.pull(['d:1'], { sinks: [createOciSink(folder)] });
    assert.equal(result.images[0]?.digest, image.descriptor.digest);
    const held = await port.store.getReference(port.at('d:1'));
    assert.equal(
      held?.digest,
      image.descriptor.digest,
      'the reference means what the registry has',
    );
    await port.store.close();
    for (const layout of [folder, port.store.path]) {
      const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
        manifests: { digest: string; mediaType: string }[];
      };
      const [entry] = index.manifests;
      assert.equal(entry?.mediaType, MEDIA_TYPES.ociManifest);
      const bytes = await readFile(join(layout, 'blobs', entry.digest.replace(':', '/')));
      const twin = parseManifest(bytes, MEDIA_TYPES.ociManifest);
      assert.ok(twin.kind === 'manifest');
      assert.equal(twin.config.mediaType, MEDIA_TYPES.ociConfig);
      assert.deepEqual(
        twin.layers.map(({ digest, mediaType }) => [digest, mediaType]),
        image.layers.map(({ digest }) => [digest, MEDIA_TYPES.ociLayerGzip]),
      );
    }
    const again = await openStore(port.store.path);
    const pruned = await pruneStore(again, { graceMs: 0 });
    await again.close();
    assert.deepEqual(pruned.blobs, [], 'nothing of it is garbage');
  },
);

test('a list in Docker types has a twin whose entries are twins', LIMIT, async () => {
  await using port = await harbour();
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  await port.seed('d:1', { flavour: 'docker', platforms, layers: [{ size: 100 }] });
  const folder = join(port.folder, 'layout');
  await port.pull(['d:1'], { platform: 'all', sinks: [createOciSink(folder)] });
  const read = async (
    digest: string,
  ): Promise<{ manifests: { digest: string; mediaType: string; platform: unknown }[] }> =>
    JSON.parse(await readFile(join(folder, 'blobs', digest.replace(':', '/')), 'utf8'));
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  const list = await read(index.manifests[0]?.digest ?? '');
  assert.deepEqual(
    list.manifests.map(({ platform }) => platform),
    platforms,
  );
  assert.ok(list.manifests.every(({ mediaType }) => mediaType === MEDIA_TYPES.ociManifest));
  for (const { digest } of list.manifests) await read(digest);
});

test('a sink hears of images before they come, and of those that will not', LIMIT, async () => {
  await using port = await harbour();
  await port.seed('a:1', { layers: [{ size: 500, seed: 'a' }] });
  const bad = await port.seed('b:1', { layers: [{ size: 600, seed: 'b' }] });
  const lost = bad.layers[0]?.digest;
  assert.ok(lost);
  await rm(port.source.blobPath(lost));
  const heard: string[] = [];
  const sink: ImageSink = {
    name: 'test:',
    async expect({ name }, { signal }) {
      heard.push(`expect ${name.slice(-3)}`);
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
      heard.push(`end ${name.slice(-3)}`);
    },
    async add({ name }, { onProgress }) {
      heard.push(`add ${name.slice(-3)}`);
      onProgress?.({ step: 'write', doneBytes: 1, totalBytes: 2 });
    },
  };
  const result = await port.pull(['a:1', 'b:1'], { sinks: [sink] });
  assert.deepEqual(
    result.images.map(({ state }) => state),
    ['done', 'failed'],
  );
  assert.deepEqual(heard.slice(0, 2), ['expect a:1', 'expect b:1']);
  assert.deepEqual(heard.slice(2).toSorted(), ['add a:1', 'end a:1', 'end b:1']);
  const [step] = eventsOf(port.events, 'output.progress');
  assert.deepEqual(
    { ...step, at: 0 },
    {
      type: 'output.progress',
      at: 0,
      image: 0,
      reference: port.at('a:1'),
      output: 'test:',
      label: port.at('a:1'),
      step: 'write',
      doneBytes: 1,
      totalBytes: 2,
    },
  );
  assert.deepEqual(
    eventsOf(port.events, 'output.done').map(({ image }) => image),
    [0],
  );
});
