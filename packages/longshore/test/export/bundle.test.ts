import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  createBundle,
  type ExportImage,
  formatInventory,
  formatLock,
  getSquashfs,
  importBundle,
  type LockedImage,
  parseInventory,
} from '../../src/export/index.ts';
import { MEDIA_TYPES, parseDigest } from '../../src/image/index.ts';
import type { Store } from '../../src/store/index.ts';
import { fakeMksquashfs } from './helpers/fakeConverter.ts';
import { putImage, tempStore } from './helpers/image.ts';
import { directory, END, file, symlink, tar } from './helpers/tarBuilder.ts';

let home: string;
const stores: Store[] = [];
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-bundle-'));
});
after(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await rm(home, { recursive: true, force: true });
});

async function newStore(): Promise<Store> {
  const store = await tempStore(join(await mkdtemp(join(home, 'store-')), 'store'));
  stores.push(store);
  return store;
}

function lockedOf(image: ExportImage): LockedImage {
  return { reference: image.reference ?? '', descriptor: image.descriptor };
}

const base = tar(file('base', 'b'.repeat(5000)));
const top = tar(file('top', 't'));

async function twoImages(store: Store): Promise<[ExportImage, ExportImage]> {
  const old = await putImage(store, [base], { reference: 'docker.io/library/old:1' });
  const young = await putImage(store, [base, top], { reference: 'docker.io/library/young:1' });
  return [old, young];
}

describe('a bundle', () => {
  it('carries images from one store to another', async () => {
    const [near, far] = [await newStore(), await newStore()];
    const images = await twoImages(near);
    const path = join(home, 'all.bundle');
    // A lock has names as the list spells them; the store wants them whole.
    const locked = images.map(({ reference = '', descriptor }) => {
      return { reference: reference.replace('docker.io/library/', ''), descriptor };
    });
    const made = await createBundle({ store: near, images: locked, path });
    assert.partialDeepStrictEqual(made, { blobs: 6, leftOut: 0 });
    const taken = await importBundle({ store: far, path });
    assert.deepEqual(taken, {
      references: ['docker.io/library/old:1', 'docker.io/library/young:1'],
      added: 6,
      present: 0,
    });
    const names = (await far.references()).map(({ name }) => name).toSorted();
    assert.deepEqual(names, ['docker.io/library/old:1', 'docker.io/library/young:1']);
    const again = await importBundle({ store: far, path });
    assert.partialDeepStrictEqual(again, { added: 0, present: 6 });
  });

  it('leaves out what the other side has, and is refused by a side that has it not', async () => {
    const [near, far, other] = [await newStore(), await newStore(), await newStore()];
    const [old, young] = await twoImages(near);
    const first = join(home, 'first.bundle');
    await createBundle({ store: near, images: [lockedOf(old)], path: first });
    await importBundle({ store: far, path: first });
    const inventory = parseInventory(`# far side\n${await formatInventory(far)}`);
    assert.equal(inventory.size, 3);
    const path = join(home, 'second.bundle');
    const made = await createBundle({ store: near, images: [lockedOf(young)], inventory, path });
    assert.partialDeepStrictEqual(made, { blobs: 3, leftOut: 1 });
    await assert.rejects(importBundle({ store: other, path }), { code: 'ERR_BUNDLE_INCOMPLETE' });
    assert.deepEqual(await other.references(), []);
    const compressed = join(home, 'second.bundle.zst');
    await writeFile(compressed, zstdCompressSync(await readFile(path)));
    assert.partialDeepStrictEqual(await importBundle({ store: far, path: compressed }), {
      references: ['docker.io/library/young:1'],
    });
  });

  it('takes of an index what the store has of it', async () => {
    const [near, far] = [await newStore(), await newStore()];
    const [image] = await twoImages(near);
    const foreign = { ...image.descriptor, digest: `sha256:${'e'.repeat(64)}` };
    const index = { schemaVersion: 2, manifests: [image.descriptor, foreign] };
    const descriptor = await near.put(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(index)));
    const path = join(home, 'index.bundle');
    const images = [{ reference: 'docker.io/library/many:1', descriptor }];
    assert.equal((await createBundle({ store: near, images, path })).blobs, 4);
    assert.equal((await importBundle({ store: far, path })).added, 4);
  });

  it('is not made of an image that the store lacks', async () => {
    const [near, far] = [await newStore(), await newStore()];
    const [old] = await twoImages(near);
    const path = join(home, 'none.bundle');
    await assert.rejects(createBundle({ store: far, images: [lockedOf(old)], path }), {
      code: 'ERR_BUNDLE_INCOMPLETE',
      hint: /longshore pull docker.io\/library\/old:1/,
    });
  });

  it('is refused when its bytes are not what they are called, or it is none', async () => {
    const near = await newStore();
    const [old] = await twoImages(near);
    const path = join(home, 'good.bundle');
    await createBundle({ store: near, images: [lockedOf(old)], path });
    const good = await readFile(path);
    const changed = Buffer.from(good);
    changed.write('X', changed.indexOf('bbbbb'), 'latin1');
    const cases: Record<string, readonly [Buffer, string]> = {
      changed: [changed, 'ERR_DIGEST_MISMATCH'],
      cut: [good.subarray(0, 4000), 'ERR_TAR_INVALID'],
      'cut, compressed': [gzipSync(good).subarray(0, 600), 'ERR_LAYER_CORRUPT'],
      empty: [END, 'ERR_BUNDLE_INVALID'],
      foreign: [tar(file('../../etc/passwd', 'x')), 'ERR_BUNDLE_INVALID'],
      short: [tar(file('blobs/sha256/abc', 'x')), 'ERR_BUNDLE_INVALID'],
      linked: [
        tar(directory('blobs/'), symlink('index.json', '/etc/passwd')),
        'ERR_BUNDLE_INVALID',
      ],
    };
    for (const [name, [bytes, code]] of Object.entries(cases)) {
      const store = await newStore();
      const bad = join(home, `${name}.bundle`);
      await writeFile(bad, bytes);
      await assert.rejects(importBundle({ store, path: bad }), { code }, name);
      assert.deepEqual(await store.references(), []);
    }
  });
});

describe('a lock', () => {
  it('pins references as the list spells them', () => {
    const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
    const descriptor = { mediaType: 'm', digest, size: 7 };
    const references = ['debian:12', 'ghcr.io/a/b', `c/d@${digest}`];
    const text = formatLock(references.map((reference) => ({ reference, descriptor })));
    assert.equal(text, `debian:12@${digest}\nghcr.io/a/b@${digest}\nc/d@${digest}\n`);
  });
});

describe('an inventory', () => {
  it('is refused when it is something else', () => {
    assert.throws(() => parseInventory('sha256:abc'), { code: 'ERR_INVENTORY_INVALID' });
  });
});

describe('getSquashfs', () => {
  it('makes the file of an image once, named by its digest', async () => {
    const store = await newStore();
    const [image] = await twoImages(store);
    const tools = await mkdtemp(join(home, 'tools-'));
    await fakeMksquashfs(tools, 'works');
    const folder = join(home, 'cache/pyxis');
    const request = { store, image, directory: folder };
    const options = { searchPath: tools };
    const [a, b] = await Promise.all([
      getSquashfs({ ...request, options }),
      getSquashfs({ ...request, options }),
    ]);
    assert.equal(a, b);
    assert.equal(a, join(folder, `${image.descriptor.digest.slice(7)}.sqfs`));
    // No converter is there any more: it is taken as it is.
    assert.equal(await getSquashfs({ ...request, options: { searchPath: home } }), a);
  });
});
