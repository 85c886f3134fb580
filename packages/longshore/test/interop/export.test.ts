import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import {
  access,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
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
import { Model } from '../export/helpers/model.ts';
import { nastyLayers } from '../export/helpers/nasty.ts';
import { stackOf, toTar } from '../export/helpers/stacks.ts';
import { file, tar } from '../export/helpers/tarBuilder.ts';

const run = promisify(execFile);
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

/** Debian 12 has no package of it, so that a machine may lack it, also in CI. */
const NOT_IN_DEBIAN: ReadonlySet<string> = new Set(['apptainer']);

/** Says loudly what is not tested for want of a tool; in CI that is a failure. */
async function needs(t: TestContext, ...tools: readonly string[]): Promise<boolean> {
  const missing: string[] = [];
  for (const tool of tools) {
    const found = await run('/bin/sh', ['-c', `command -v ${tool}`]).catch(() => undefined);
    if (found === undefined) missing.push(tool);
  }
  if (tools.includes('umoci') && process.geteuid?.() !== 0) missing.push('root');
  if (missing.length === 0) return true;
  const reason = `NOT TESTED: ${missing.join(', ')} missing`;
  if (missing.some((tool) => !NOT_IN_DEBIAN.has(tool))) {
    assert.notEqual(process.env['CI'], 'true', reason);
  }
  t.skip(reason);
  return false;
}

async function exportTo(
  kind: OutputKind,
  image: ExportImage,
  options: Parameters<typeof exportImage>[0]['options'] = {},
): Promise<string> {
  const path = join(await mkdtemp(join(home, 'out-')), kind === 'sif' ? 'x.sif' : 'x.sqfs');
  await exportImage({ store, image, output: { kind, path }, options });
  return path;
}

/** Every path with all that is comparable of it; names as bytes. */
async function describeTree(root: string, withXattrs: boolean): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const names = new Map<number, string[]>();
  const walk = async (path: Buffer, name: string): Promise<void> => {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) names.set(stats.ino, [...(names.get(stats.ino) ?? []), name]);
    let what = `${(stats.mode & 0o170000).toString(8)} ${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
    if (stats.isFile()) {
      const bytes = await readFile(path);
      what += ` ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)} ${stats.mtimeMs / 1000}`;
    } else if (stats.isSymbolicLink()) {
      what += ` -> ${(await readlink(path, 'buffer')).toString('latin1')}`;
    } else if (!stats.isDirectory()) what += ` ${stats.rdev}`;
    if (withXattrs) what += await xattrsOf(path);
    found[name] = `${what} #${stats.ino}`;
    if (!stats.isDirectory()) return;
    for (const entry of await readdir(path, { encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), entry]);
      await walk(child, `${name}/${entry.toString('latin1')}`);
    }
  };
  await walk(Buffer.from(root), '');
  for (const [name, what] of Object.entries(found)) {
    const [text = '', inode = ''] = what.split(' #');
    found[name] = `${text} ${(names.get(Number(inode)) ?? []).toSorted().join(' = ')}`;
  }
  return found;
}

async function xattrsOf(path: Buffer): Promise<string> {
  const name = path.toString('utf8');
  if (!Buffer.from(name).equals(path)) return '';
  const { stdout } = await run('getfattr', [
    '-h',
    '-d',
    '-m',
    '-',
    '-e',
    'hex',
    '--absolute-names',
    name,
  ]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('='))
    .toSorted()
    .join(' ');
}

async function umoci(image: ExportImage): Promise<string> {
  const layout = join(await mkdtemp(join(home, 'layout-')), 'layout');
  await mkdir(layout);
  await run('tar', ['-xf', await exportTo('oci-archive', image), '-C', layout]);
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  index.manifests[0].annotations = { 'org.opencontainers.image.ref.name': 'x' };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  const bundle = join(dirname(layout), 'bundle');
  await run('umoci', ['unpack', '--image', `${layout}:x`, bundle]);
  return join(bundle, 'rootfs');
}

async function unsquash(squashfs: string, offset = 0): Promise<string> {
  const target = join(await mkdtemp(join(home, 'unsquash-')), 'root');
  await run('unsquashfs', ['-no-progress', '-o', String(offset), '-d', target, squashfs]);
  return target;
}

/** Directories that no layer has an entry for: umoci leaves the moment of unpacking and the umask. */
function comparable(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => name !== ''));
}

describe('content is equal to what umoci unpacks', () => {
  for (const [name, layers] of Object.entries(nastyLayers())) {
    it(name, TIMEOUT, async (t) => {
      if (!(await needs(t, 'umoci', 'mksquashfs', 'unsquashfs', 'getfattr'))) return;
      const image = await putImage(store, layers);
      const theirs = await umoci(image);
      const expected = comparable(await describeTree(theirs, true));
      const rootfs = await exportTo('rootfs', image);
      assert.deepEqual(
        comparable(await describeTree(rootfs, false)),
        comparable(await describeTree(theirs, false)),
        'rootfs',
      );
      const squashfs = await unsquash(await exportTo('squashfs', image));
      assert.deepEqual(asSquashfs(await describeTree(squashfs, true)), asSquashfs(expected));
    });
  }

  it('for random stacks of layers', TIMEOUT, async (t) => {
    if (!(await needs(t, 'umoci'))) return;
    let compared = 0;
    for (const ops of fc.sample(stackOf(), { numRuns: 400, seed: 7 })) {
      const model = new Model();
      try {
        for (const layer of ops) model.layer(layer);
      } catch {
        continue;
      }
      if (model.result().size < 4 || compared >= 40) continue;
      compared++;
      const image = await putImage(
        store,
        ops.map((layer) => tar(...layer.map(toTar))),
      );
      assert.deepEqual(
        comparable(await describeTree(await exportTo('rootfs', image), false)),
        comparable(await describeTree(await umoci(image), false)),
        JSON.stringify(ops),
      );
    }
    assert.equal(compared, 40);
  });

  it('for an image that buildah made', TIMEOUT, async (t) => {
    if (!(await needs(t, 'buildah', 'umoci', 'mksquashfs', 'unsquashfs'))) return;
    const image = await buildahImage();
    const theirs = comparable(await describeTree(await umoci(image), true));
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

/** squashfs keeps hard links of files only, not those of symlinks and devices; and whole seconds. */
function asSquashfs(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(comparable(tree)).map(([name, what]) => [
      name,
      what.startsWith('100000') ? what.replace(/ (\d+)\.\d+/, ' $1') : (what.split(' /')[0] ?? ''),
    ]),
  );
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
    const root = await unsquash(await exportTo('sif', image), 32_768);
    const { stdout } = await run('ch-run', [root, '--', '/bin/sh', '/.singularity.d/actions/run'], {
      env: { ...process.env, USER: 'root', HOME: '/root' },
    });
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
