import assert from 'node:assert/strict';
import {
  access,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import {
  type ExportImage,
  exportImage,
  loadImage,
  type OutputKind,
} from '../../src/export/index.ts';
import { parseManifest } from '../../src/image/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { type LayerBytes, putImage } from '../export/helpers/image.ts';
import { Model, type Op } from '../export/helpers/model.ts';
import { nastyLayers } from '../export/helpers/nasty.ts';
import { stackOf, toTar } from '../export/helpers/stacks.ts';
import { directory, file, hardlink, symlink, tar } from '../export/helpers/tarBuilder.ts';
import { asSquashfs, comparable, describeTree, needs, run, umoci } from './support/exportTools.ts';

const TIMEOUT = { timeout: 120_000 };

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-interop-export-'));
  store = await openStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

async function exportTo(
  kind: OutputKind,
  image: ExportImage,
  options: Parameters<typeof exportImage>[0]['options'] = {},
): Promise<string> {
  const path = join(await mkdtemp(join(home, 'out-')), kind === 'sif' ? 'x.sif' : 'x.sqfs');
  await exportImage({ store, image, output: { kind, path }, options });
  return path;
}

async function umociRoot(image: ExportImage): Promise<string> {
  return umoci(await exportTo('oci-archive', image), await mkdtemp(join(home, 'umoci-')));
}

async function unsquash(squashfs: string, offset = 0): Promise<string> {
  const target = join(await mkdtemp(join(home, 'unsquash-')), 'root');
  await run('unsquashfs', ['-no-progress', '-o', String(offset), '-d', target, squashfs]);
  return target;
}

describe('content is equal to what umoci unpacks', () => {
  for (const [name, layers] of Object.entries(nastyLayers())) {
    it(name, TIMEOUT, async (t) => {
      if (!(await needs(t, 'umoci', 'mksquashfs', 'unsquashfs', 'getfattr'))) return;
      const image = await putImage(store, layers);
      const theirs = await umociRoot(image);
      const expected = comparable(await describeTree(theirs, true));
      const rootfs = await exportTo('rootfs', image);
      assert.deepEqual(comparable(await describeTree(rootfs, true)), expected, 'rootfs');
      const squashfs = await unsquash(await exportTo('squashfs', image));
      assert.deepEqual(asSquashfs(await describeTree(squashfs, true)), asSquashfs(expected));
    });
  }

  it('for random stacks of layers, and refuses what umoci refuses', TIMEOUT, async (t) => {
    if (!(await needs(t, 'umoci'))) return;
    let compared = 0;
    let refused = 0;
    for (const ops of fc.sample(stackOf(), { numRuns: 400, seed: 7 })) {
      const size = modelSize(ops);
      if (size === undefined ? refused >= 15 : size < 4 || compared >= 40) continue;
      const image = await putImage(
        store,
        ops.map((layer) => tar(...layer.map(toTar))),
      );
      if (size === undefined) {
        refused++;
        await assert.rejects(exportTo('rootfs', image), { name: 'LongshoreError' });
        await assert.rejects(umociRoot(image), { name: 'Error' }, JSON.stringify(ops));
        continue;
      }
      compared++;
      assert.deepEqual(
        comparable(await describeTree(await exportTo('rootfs', image), false)),
        comparable(await describeTree(await umociRoot(image), false)),
        JSON.stringify(ops),
      );
    }
    assert.deepEqual([compared, refused], [40, 15]);
  });

  // Whoever unpacks clears the place first and then looks for the target: so do GNU tar, Docker's
  // unpacker and containers/storage (tried by hand on these).
  const b = [directory('b/'), file('b/x', 'x')];
  for (const [name, layers] of Object.entries({
    'a link whose own place is a symlink on the way to its target': [
      tar(...b, symlink('a', 'b')),
      tar(hardlink('a', 'a/x')),
    ],
    'a link whose own place is the directory of its target': [tar(...b), tar(hardlink('b', 'b/x'))],
    'a link to its own name': [tar(...b), tar(hardlink('b/x', 'b/x'))],
  })) {
    it(`in refusing ${name}`, TIMEOUT, async (t) => {
      if (!(await needs(t, 'umoci'))) return;
      const image = await putImage(store, layers);
      await assert.rejects(exportTo('rootfs', image), { code: 'ERR_LAYER_LINK' });
      await assert.rejects(umociRoot(image), /link: no such file or directory/);
    });
  }

  it('for an image that buildah made', TIMEOUT, async (t) => {
    if (!(await needs(t, 'buildah', 'umoci', 'mksquashfs', 'unsquashfs'))) return;
    const image = await buildahImage();
    const theirs = comparable(await describeTree(await umociRoot(image), true));
    assert.ok(Object.keys(theirs).length > 10);
    const ours = await unsquash(await exportTo('squashfs', image));
    assert.deepEqual(asSquashfs(await describeTree(ours, true)), asSquashfs(theirs));
  });

  it('with tar2sqfs in the place of mksquashfs', TIMEOUT, async (t) => {
    if (!(await needs(t, 'tar2sqfs', 'mksquashfs', 'unsquashfs'))) return;
    const image = await putImage(store, nastyLayers()['links, owners and times'] ?? []);
    const trees = [];
    for (const converter of ['mksquashfs', 'tar2sqfs']) {
      const sif = await exportTo('sif', image, { converter, compression: 'zstd' });
      trees.push(asSquashfs(await describeTree(await unsquash(sif, 32_768), true)));
    }
    assert.deepEqual(trees[1], trees[0]);
  });
});

/** How many names the model makes of a stack; `undefined` where it refuses it. */
function modelSize(ops: readonly (readonly Op[])[]): number | undefined {
  const model = new Model();
  try {
    for (const layer of ops) model.layer(layer);
  } catch {
    return undefined;
  }
  return model.result().size;
}

async function buildahImage(): Promise<ExportImage> {
  const work = await mkdtemp(join(home, 'buildah-'));
  const global = [
    '--root',
    join(work, 'root'),
    '--runroot',
    join(work, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const buildah = async (...args: readonly string[]): Promise<string> =>
    (await run('buildah', [...global, ...args])).stdout.trim();
  const tree = join(work, 'tree');
  await mkdir(join(tree, 'etc'), { recursive: true });
  for (const name of ['passwd', 'group', 'fstab', 'hosts', 'profile', 'shells']) {
    await copyFile(`/etc/${name}`, join(tree, 'etc', name)).catch(() => undefined);
  }
  await run('/bin/sh', [
    '-c',
    `cd ${tree} && ln etc/passwd linked && ln -s etc link && mkdir -p a/b c && echo 1 > a/b/f && echo 2 > c/g && chown 12:34 c/g && chmod 4755 c/g`,
  ]);
  const base = await buildah('from', 'scratch');
  await buildah('copy', base, tree, '/');
  await buildah('commit', base, 'one');
  const top = await buildah('from', 'one');
  const mounted = await buildah('mount', top);
  await run('/bin/sh', [
    '-c',
    `cd ${mounted} && rm -r a/b && echo new > etc/hosts && rm linked && mkdir d && ln c/g d/g2 && rm -rf c && mkdir c && echo 3 > c/h`,
  ]);
  await buildah('umount', top);
  await buildah('config', '--cmd', '/bin/true', top);
  await buildah('commit', top, 'two');
  const layout = join(work, 'layout');
  await buildah('push', 'two', `oci:${layout}:two`);
  return adopt(layout);
}

/** Takes the image of a layout into the store. */
async function adopt(layout: string): Promise<ExportImage> {
  const index = parseManifest(await readFile(join(layout, 'index.json')));
  assert.equal(index.kind, 'index');
  const [descriptor] = index.manifests;
  assert.ok(descriptor !== undefined);
  const blobs = join(layout, 'blobs/sha256');
  for (const name of await readdir(blobs)) await store.put('x', await readFile(join(blobs, name)));
  return loadImage(store, descriptor);
}

/** A root file system in which a shell starts: this machine's own, with its libraries. */
async function shellLayer(): Promise<LayerBytes> {
  const { stdout } = await run('ldd', ['/bin/sh']);
  const libraries = [...stdout.matchAll(/(\/\S+)/g)].map((match) => match[1] ?? '');
  // Charliecloud binds its own over the two of `etc`, and wants them there.
  const parts = [
    file('bin/sh', await readFile('/bin/sh'), { mode: 0o755 }),
    file('etc/passwd', ''),
    file('etc/group', ''),
  ];
  for (const path of new Set(libraries)) {
    parts.push(file(path.slice(1), await readFile(path), { mode: 0o755 }));
  }
  const bytes = tar(...parts);
  return { tar: bytes, stored: gzipSync(bytes) };
}

describe('a SIF', () => {
  it('is read by siftool', TIMEOUT, async (t) => {
    if (!(await needs(t, 'siftool', 'mksquashfs'))) return;
    const image = await putImage(store, [await shellLayer()], { runtime: { Cmd: ['/bin/sh'] } });
    const sif = await exportTo('sif', image, { reproducible: true });
    const header = (await run('siftool', ['header', sif])).stdout;
    assert.match(header, /Primary Architecture:\s+amd64/);
    assert.match(header, /Created At:\s+2024-05-06 07:08:09/);
    const list = (await run('siftool', ['list', sif])).stdout;
    assert.match(list, /FS \(Squashfs\/\*System\/amd64\)/);
    assert.match(list, /Def\.FILE/);
    assert.equal((await run('siftool', ['dump', '4', sif])).stdout, '{"Cmd":["/bin/sh"]}');
    const twice = await exportTo('sif', image, { reproducible: true });
    assert.ok((await readFile(sif)).equals(await readFile(twice)), 'not reproducible');
  });

  it('is mounted by squashfuse', TIMEOUT, async (t) => {
    if (!(await needs(t, 'squashfuse', 'fusermount3', 'mksquashfs'))) return;
    if (
      !(await access('/dev/fuse').then(
        () => true,
        () => false,
      ))
    )
      return t.skip('NOT TESTED: no /dev/fuse');
    const layers = [tar(file('hello', 'world'))];
    const sif = await exportTo('sif', await putImage(store, layers), { compression: 'zstd' });
    const mountPoint = await mkdtemp(join(home, 'mount-'));
    await run('squashfuse', ['-o', 'offset=32768', sif, mountPoint]);
    try {
      assert.equal(await readFile(join(mountPoint, 'hello'), 'utf8'), 'world');
      assert.match(
        await readFile(join(mountPoint, '.singularity.d/runscript'), 'utf8'),
        /^#!\/bin\/sh/,
      );
    } finally {
      await run('fusermount3', ['-u', mountPoint]);
    }
  });

  it('runs in Charliecloud', TIMEOUT, async (t) => {
    if (!(await needs(t, 'ch-run', 'mksquashfs'))) return;
    const image = await putImage(store, [await shellLayer()], {
      runtime: {
        Cmd: ['/bin/sh', '-c', 'echo "$0 $GREETING"', 'ran'],
        Env: ['GREETING=hello world'],
      },
    });
    const sif = await readFile(await exportTo('sif', image));
    const squashfs = join(await mkdtemp(join(home, 'ch-')), 'partition.sqfs');
    const size = Number(sif.readBigInt64LE(4096 + 25));
    await writeFile(squashfs, sif.subarray(32_768, 32_768 + size));
    const { stdout } = await run(
      'ch-run',
      [squashfs, '--', '/bin/sh', '/.singularity.d/actions/run'],
      {
        env: { ...process.env, USER: 'root', HOME: '/root' },
      },
    );
    assert.equal(stdout, 'ran hello world\n');
  });

  it('runs in Apptainer', TIMEOUT, async (t) => {
    if (!(await needs(t, 'apptainer', 'mksquashfs'))) return;
    const image = await putImage(store, [await shellLayer()], {
      runtime: { Cmd: ['/bin/sh', '-c', 'echo ran'] },
    });
    const sif = await exportTo('sif', image);
    assert.equal((await run('apptainer', ['run', sif])).stdout, 'ran\n');
  });
});

describe('an archive', () => {
  const bytes = tar(file('a', 'A'));
  const layers = [
    { tar: bytes, stored: gzipSync(bytes) },
    bytes,
    { tar: tar(file('z', 'Z')), stored: zstdCompressSync(tar(file('z', 'Z'))) },
  ];

  for (const kind of ['oci-archive', 'docker-archive'] as const) {
    it(`${kind}: is read by skopeo, and by buildah`, TIMEOUT, async (t) => {
      if (!(await needs(t, 'skopeo', 'buildah'))) return;
      // skopeo 1.9 knows no zstd; it is what Docker before 23.0 does not know either.
      const image = await putImage(store, kind === 'oci-archive' ? layers.slice(0, 2) : layers);
      const path = await exportTo(kind, image);
      const inspected = JSON.parse(
        (await run('skopeo', ['inspect', '--config', `${kind}:${path}`])).stdout,
      );
      assert.deepEqual(inspected.rootfs.diff_ids, image.config.diffIds);
      const work = await mkdtemp(join(home, 'pull-'));
      const global = [
        '--root',
        join(work, 'root'),
        '--runroot',
        join(work, 'run'),
        '--storage-driver',
        'vfs',
      ];
      await run('buildah', [...global, 'pull', `${kind}:${path}`]);
      const { stdout } = await run('buildah', [
        ...global,
        'images',
        '--format',
        '{{.Name}}:{{.Tag}}',
      ]);
      assert.match(stdout, /library\/example:1/);
    });
  }
});
