import assert from 'node:assert/strict';
import {
  lstat,
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
import { exportImage } from '../../src/export/index.ts';
import { indexLayers } from '../../src/export/layer/flatten.ts';
import { writeRootfs } from '../../src/export/rootfs/write.ts';
import type { Store } from '../../src/store/index.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { layerOf } from './helpers/layers.ts';
import { directory, file, hardlink, header, pax, symlink, tar } from './helpers/tarBuilder.ts';

let home: string;
let store: Store;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-rootfs-'));
  store = await tempStore(join(home, 'store'));
});
after(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

async function unpack(...layers: readonly (readonly Buffer[])[]): Promise<{
  root: string;
  codes: string[];
}> {
  const folder = await mkdtemp(join(home, 'out-'));
  const root = join(folder, 'root');
  const sources = layers.map((parts) => layerOf(tar(...parts)));
  const { notes } = await writeRootfs({ tree: await indexLayers(sources), sources }, root, {
    keepOwners: false,
  });
  assert.deepEqual(await readdir(folder), ['root']);
  return { root, codes: notes.map((note) => note.code) };
}

describe('an export to a directory', () => {
  it('writes files, links, times and modes', async () => {
    const { root } = await unpack(
      [
        directory('d/', { mode: 0o555, mtime: 1_000_000 }),
        file('d/f', 'text', { mode: 0o640, mtime: 1_600_000_000 }),
        hardlink('d/g', 'd/f'),
        symlink('s', '/etc/passwd', { mtime: 5 }),
        hardlink('s2', 's'),
      ],
      [file('d/new', 'n')],
    );
    assert.equal(await readFile(join(root, 'd/f'), 'utf8'), 'text');
    const [f, g] = [await stat(join(root, 'd/f')), await stat(join(root, 'd/g'))];
    assert.equal(f.ino, g.ino);
    assert.equal(f.mode & 0o7777, 0o640);
    assert.equal(f.mtimeMs, 1_600_000_000_000);
    assert.equal(await readlink(join(root, 's2')), '/etc/passwd');
    assert.equal((await lstat(join(root, 's'))).ino, (await lstat(join(root, 's2'))).ino);
    assert.equal((await lstat(join(root, 's'))).mtimeMs, 5000);
    const d = await stat(join(root, 'd'));
    assert.equal(d.mode & 0o7777, 0o755, 'its owner has to be able to remove it');
    assert.equal(d.mtimeMs, 1_000_000_000);
    assert.equal(await readFile(join(root, 'd/new'), 'utf8'), 'n');
  });

  it('gives nobody rights by set-uid bits and makes no devices for who is not root', async () => {
    const { root, codes } = await unpack([
      file('su', 'x', { mode: 0o6755, uid: 12_345 }),
      file('locked', 'x', { mode: 0o000 }),
      header({ name: 'null', flag: '3', major: 1, minor: 3 }),
      pax([['SCHILY.xattr.security.capability', 'b']]),
      file('labelled', ''),
    ]);
    assert.equal((await stat(join(root, 'su'))).mode & 0o7777, 0o755);
    assert.equal((await stat(join(root, 'locked'))).mode & 0o7777, 0o600);
    assert.deepEqual((await readdir(root)).toSorted(), ['labelled', 'locked', 'su']);
    for (const code of [
      'xattrs-left-out',
      'devices-left-out',
      'owners-left-out',
      'setuid-left-out',
    ]) {
      assert.ok(codes.includes(code), code);
    }
  });

  it('keeps holes as holes and names as bytes', async () => {
    const { root } = await unpack([
      pax([
        ['GNU.sparse.size', '50000000'],
        ['GNU.sparse.map', '10,3'],
      ]),
      file('sparse', 'abc'),
      file('\xff\xfe', 'odd'),
    ]);
    const sparse = await stat(join(root, 'sparse'));
    assert.equal(sparse.size, 50_000_000);
    assert.ok(sparse.blocks * 512 < 1_000_000, `${sparse.blocks} blocks`);
    const odd = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]);
    assert.equal(await readFile(odd, 'utf8'), 'odd');
  });

  it('never follows a link of the image to the host', async () => {
    const outside = await mkdtemp(join(home, 'outside-'));
    await writeFile(join(outside, 'precious'), 'untouched');
    const { root } = await unpack(
      [symlink('away', outside), symlink('up', '../../../../..'), symlink('config', '/etc')],
      [
        file('away/planted', 'x'),
        file('away/precious', 'overwritten'),
        file(`up${outside}/planted`, 'x'),
        file('config/longshore-planted', 'x'),
        directory('away/', { mode: 0o700 }),
      ],
    );
    assert.deepEqual(await readdir(outside), ['precious']);
    assert.equal(await readFile(join(outside, 'precious'), 'utf8'), 'untouched');
    assert.equal(await readFile(join(root, outside, 'planted'), 'utf8'), 'x');
    await assert.rejects(stat('/etc/longshore-planted'), { code: 'ENOENT' });
  });

  it('takes an empty directory, and no other', async () => {
    const image = await putImage(store, [tar(file('a', 'A'))]);
    const path = join(await mkdtemp(join(home, 'out-')), 'root');
    await mkdir(path);
    const request = { store, image, output: { kind: 'rootfs', path } } as const;
    const { bytes } = await exportImage(request);
    assert.equal(bytes, 1);
    await assert.rejects(exportImage(request), { code: 'ERR_OUTPUT_EXISTS' });
    await assert.rejects(
      exportImage({ ...request, output: { kind: 'rootfs', path: join(path, 'a') } }),
      { code: 'ERR_OUTPUT_EXISTS' },
    );
    assert.equal(await readFile(join(path, 'a'), 'utf8'), 'A');
  });

  it('leaves nothing behind when a layer is wrong, or the target cannot be written', async () => {
    const folder = await mkdtemp(join(home, 'out-'));
    const good = tar(file('a', 'A'));
    const bad = await putImage(store, [{ tar: tar(file('b', 'B')), stored: good }]);
    await assert.rejects(
      exportImage({ store, image: bad, output: { kind: 'rootfs', path: join(folder, 'r') } }),
      { code: 'ERR_LAYER_DIFF_ID' },
    );
    const image = await putImage(store, [good]);
    await assert.rejects(
      exportImage({ store, image, output: { kind: 'rootfs', path: join(folder, 'no/r') } }),
      { code: 'ERR_OUTPUT_WRITE' },
    );
    assert.deepEqual(await readdir(folder), []);
  });
});
