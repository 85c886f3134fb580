import assert from 'node:assert/strict';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  createExportSink,
  type ExportImage,
  type ExportSinkOptions,
} from '../../src/export/index.ts';
import type { Store } from '../../src/store/index.ts';
import { fakeMksquashfs } from './helpers/fakeConverter.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { file, tar } from './helpers/tarBuilder.ts';

let home: string;
let tools: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-sink-'));
  tools = await mkdtemp(join(home, 'tools-'));
  await fakeMksquashfs(tools, 'works');
  store = await tempStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

async function imageOf(reference: string, bytes = 10): Promise<ExportImage> {
  return putImage(store, [tar(file('a', 'x'.repeat(bytes)))], { reference });
}

async function addAll(
  images: readonly ExportImage[],
  options: Omit<ExportSinkOptions, 'options'>,
): Promise<void> {
  const sink = createExportSink({ ...options, options: { searchPath: tools } });
  const { signal } = new AbortController();
  await Promise.all(
    images.map(({ reference = '', descriptor }) =>
      sink.add({ name: reference, descriptor }, { store, signal }),
    ),
  );
}

describe('an export sink', () => {
  it('gives each image of a run its file in a directory', async () => {
    const path = join(home, 'plain/');
    const images = [await imageOf('docker.io/library/a:1'), await imageOf('quay.io/x/b:2')];
    await addAll(images, { output: { kind: 'sif', path } });
    assert.deepEqual((await readdir(path)).toSorted(), [
      'docker.io_library_a=1.sif',
      'quay.io_x_b=2.sif',
    ]);
  });

  it('names files as the list spells images, with links for other spellings', async () => {
    const path = join(home, 'nextflow');
    await addAll([await imageOf('docker.io/library/a:1')], {
      output: { kind: 'sif', path },
      naming: 'nextflow',
      spellings: new Map([['docker.io/library/a:1', ['a:1', 'docker.io/library/a:1', 'a:1']]]),
    });
    assert.deepEqual((await readdir(path)).toSorted(), ['a-1.img', 'docker.io-library-a-1.img']);
    assert.equal(await readlink(join(path, 'docker.io-library-a-1.img')), 'a-1.img');
  });

  it('leaves a SIF of the same image as it is, and replaces one of another', async () => {
    const path = join(home, 'again');
    const output = { kind: 'sif', path } as const;
    const [one, two] = [
      await imageOf('docker.io/library/a:1'),
      await imageOf('docker.io/library/a:1', 20),
    ];
    await addAll([one], { output });
    const first = await stat(path);
    await addAll([one], { output });
    assert.equal((await stat(path)).ino, first.ino);
    await addAll([two], { output });
    assert.notEqual((await stat(path)).ino, first.ino);
    await writeFile(path, 'no SIF');
    await addAll([two], { output });
    assert.match(await readFile(path, 'latin1'), /^#!\/usr\/bin\/env run-singularity/);
  });

  it('lets files follow the umask, and the directory where it is a group folder', async () => {
    const umask = process.umask(0o077);
    try {
      const modes: number[] = [];
      for (const [name, mode] of [
        ['private/', 0o755],
        ['group/', 0o2770],
      ] as const) {
        const parent = join(home, name);
        await mkdir(parent);
        await chmod(parent, mode);
        const path = join(parent, 'images/');
        await addAll([await imageOf('docker.io/library/a:1')], { output: { kind: 'sif', path } });
        const [made = ''] = await readdir(path);
        for (const at of [path, join(path, made)]) modes.push((await stat(at)).mode & 0o7777);
      }
      assert.deepEqual(modes, [0o700, 0o700, 0o2770, 0o755]);
    } finally {
      process.umask(umask);
    }
  });

  it('refuses to put two images into one file', async () => {
    const path = join(home, 'one.sif');
    const images = [await imageOf('docker.io/library/a:1'), await imageOf('docker.io/library/b:1')];
    await assert.rejects(addAll(images, { output: { kind: 'sif', path } }), {
      code: 'ERR_OUTPUT_EXISTS',
      hint: /slash/,
    });
  });

  it('converts one at a time, and of those that wait the largest first', async () => {
    const sizes = [10, 3000, 90_000, 20_000];
    const images: ExportImage[] = [];
    for (const [i, size] of sizes.entries())
      images.push(await imageOf(`docker.io/library/i:${i}`, size));
    const order: string[] = [];
    await addAll(images, {
      output: { kind: 'oci-archive', path: join(home, 'archives/') },
    });
    await addAll(images, {
      output: { kind: 'squashfs', path: join(home, 'order/') },
      onEvent: (image, event) => {
        if (event.type !== 'export.layer-indexed') return;
        order.push(image.name.slice(-1));
      },
    });
    assert.equal(order.length, 4);
    // Whichever came first had nobody to wait for; after it they go by size.
    const waiting = order.slice(1);
    const bySize = waiting.toSorted((a, b) => (sizes[Number(b)] ?? 0) - (sizes[Number(a)] ?? 0));
    assert.deepEqual(waiting, bySize);
    assert.deepEqual(
      (await readdir(join(home, 'archives'))).toSorted()[0],
      'docker.io_library_i=0.oci.tar',
    );
  });
});
