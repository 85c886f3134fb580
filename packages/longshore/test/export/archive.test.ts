import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { repoTags } from '../../src/export/archive/docker.ts';
import {
  type ExportImage,
  exportImage,
  loadImage,
  type OutputKind,
} from '../../src/export/index.ts';
import { TarReader } from '../../src/export/tar/reader.ts';
import { MEDIA_TYPES, parsePlatform } from '../../src/image/index.ts';
import type { Store } from '../../src/store/index.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { file, tar } from './helpers/tarBuilder.ts';

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-archive-'));
  store = await tempStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

const first = tar(file('a', 'A'));
const second = tar(file('b', 'B'.repeat(3000)));
const layers = [
  { tar: first, stored: gzipSync(first) },
  { tar: second, stored: zstdCompressSync(second) },
];
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function filesIn(bytes: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let last = '';
  const reader = new TarReader({
    onEntry: (entry) => {
      assert.equal(files.has(entry.path), false, `${entry.path} is there twice`);
      last = entry.path;
      if (entry.type === 'file') files.set(last, Buffer.alloc(0));
    },
    onData: (chunk) => {
      files.set(last, Buffer.concat([files.get(last) ?? Buffer.alloc(0), chunk]));
    },
  });
  reader.write(bytes);
  reader.end();
  return files;
}

async function exportTo(kind: OutputKind, image: ExportImage): Promise<string> {
  const path = join(await mkdtemp(join(home, 'out-')), 'out');
  await exportImage({ store, image, output: { kind, path } });
  return path;
}

function json(bytes: Buffer | undefined): unknown {
  return JSON.parse(bytes?.toString() ?? 'null');
}

function checkLayout(files: Map<string, Buffer>, image: ExportImage): void {
  assert.deepEqual(json(files.get('oci-layout')), { imageLayoutVersion: '1.0.0' });
  assert.partialDeepStrictEqual(json(files.get('index.json')), {
    schemaVersion: 2,
    manifests: [
      {
        digest: image.descriptor.digest,
        annotations: {
          'org.opencontainers.image.ref.name': 'docker.io/library/example:1',
          'io.containerd.image.name': 'docker.io/library/example:1',
        },
        platform: { architecture: 'amd64', os: 'linux' },
      },
    ],
  });
  const blobs = [...files].filter(([path]) => path.startsWith('blobs/'));
  assert.equal(blobs.length, 4);
  for (const [path, bytes] of blobs) assert.equal(path, `blobs/sha256/${sha(bytes)}`);
}

describe('an OCI archive', () => {
  it('is a layout in a tar, the same bytes every time', async () => {
    const image = await putImage(store, layers);
    const bytes = await readFile(await exportTo('oci-archive', image));
    checkLayout(filesIn(bytes), image);
    assert.ok(bytes.equals(await readFile(await exportTo('oci-archive', image))));
  });

  it('has a layer once that the image has twice', async () => {
    const image = await putImage(store, [first, first]);
    const files = filesIn(await readFile(await exportTo('oci-archive', image)));
    assert.equal([...files.keys()].filter((path) => path.startsWith('blobs/')).length, 3);
  });
});

describe('a Docker archive', () => {
  it('lists config, names and layers as docker save does, layers of zstd unpacked', async () => {
    const image = await putImage(store, layers);
    const files = filesIn(await readFile(await exportTo('docker-archive', image)));
    const [gzip, zstd] = layers.map(({ stored }) => `${sha(stored)}.tar`);
    const config = `${sha(Buffer.from(image.configBytes))}.json`;
    assert.deepEqual(json(files.get('manifest.json')), [
      { Config: config, RepoTags: ['docker.io/library/example:1'], Layers: [gzip, zstd] },
    ]);
    assert.ok(files.get(config)?.equals(image.configBytes));
    assert.ok(files.get(gzip ?? '')?.equals(layers[0]?.stored ?? Buffer.alloc(0)));
    assert.ok(files.get(zstd ?? '')?.equals(second));
  });

  it('carries the whole name, or none', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    assert.deepEqual(repoTags('debian:12'), ['docker.io/library/debian:12']);
    assert.deepEqual(repoTags('localhost:5000/app:1'), ['localhost:5000/app:1']);
    assert.deepEqual(repoTags(`docker.io/me/app:1@${digest}`), ['docker.io/me/app:1']);
    assert.equal(repoTags(`docker.io/me/app@${digest}`), null);
    assert.equal(repoTags(undefined), null);
  });

  it('is refused for a zstd layer that is not what the config says', async () => {
    const image = await putImage(store, [{ tar: first, stored: zstdCompressSync(second) }]);
    await assert.rejects(exportTo('docker-archive', image), { code: 'ERR_LAYER_DIFF_ID' });
  });
});

describe('loadImage', () => {
  it('chooses the image of a platform out of an index', async () => {
    const arm = await putImage(store, [first], { architecture: 'arm64' });
    const amd = await putImage(store, [first], { architecture: 'amd64' });
    const entry = (image: ExportImage): unknown => ({
      ...image.descriptor,
      platform: { os: 'linux', architecture: image.config.architecture },
    });
    const index = { schemaVersion: 2, manifests: [entry(arm), entry(amd)] };
    const descriptor = await store.put(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(index)));
    const platform = parsePlatform('linux/arm64');
    assert.equal(
      (await loadImage(store, descriptor, { platform })).descriptor.digest,
      arm.descriptor.digest,
    );
    await assert.rejects(loadImage(store, descriptor), {
      code: 'ERR_PLATFORM_NOT_FOUND',
      hint: /linux\/arm64, linux\/amd64/,
    });
  });

  it('refuses an image of which config and manifest disagree', async () => {
    await assert.rejects(putImage(store, [first], { diffIds: [] }), { code: 'ERR_CONFIG_INVALID' });
    await assert.rejects(putImage(store, [first], { diffIds: ['x'] }), {
      code: 'ERR_CONFIG_INVALID',
    });
  });
});
