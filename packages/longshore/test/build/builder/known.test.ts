import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findBuilt, keyOf, readInputs } from '../../../src/build/builder/buildah/known.ts';
import type { BuildTarget } from '../../../src/build/index.ts';
import { seedImage } from '../../../src/serve/index.ts';
import { BuiltImages, openStore, pruneStore } from '../../../src/store/index.ts';
import { targetIn, writeContext } from '../target.ts';

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-known-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const DOCKERFILE = 'FROM base AS one\nCOPY own /\nFROM one\nCOPY --from=tools:1 /x /\nRUN make\n';

describe('what an image is made of', () => {
  it('is its context, its Dockerfile and what it asks for, under whatever name', () =>
    inFolder(async (folder) => {
      await writeContext(folder, { Dockerfile: DOCKERFILE, own: 'a', '.dockerignore': 'log' });
      const hash = async (fields: Partial<BuildTarget> = {}): Promise<string | undefined> =>
        (await readInputs(targetIn(folder, fields)))?.hash;
      const first = await readInputs(targetIn(folder));
      assert.deepEqual(first?.images, ['base', 'tools:1']);
      assert.equal(await hash({ name: 'other', tags: ['x'] }), first.hash);
      await writeContext(folder, { log: 'ignored' });
      assert.equal(await hash(), first.hash);
      assert.notEqual(await hash({ args: { A: '1' } }), first.hash);
      await appendFile(join(folder, 'own'), 'b');
      assert.notEqual(await hash(), first.hash);
      assert.notEqual(keyOf(first, ['buildah 1']), keyOf(first, ['buildah 2']));
    }));

  it('is not known where something is fetched, secret, or asked for anew', () =>
    inFolder(async (folder) => {
      const text = (after: string): Partial<BuildTarget> => ({
        dockerfile: { kind: 'inline', text: `FROM base\n${after}\n` },
      });
      await writeContext(folder, { Dockerfile: DOCKERFILE, own: 'a' });
      const unknown: readonly Partial<BuildTarget>[] = [
        { noCache: true },
        { pull: true },
        { secrets: [{ id: 's', from: { kind: 'env', variable: 'V' } }] },
        { contexts: { more: { kind: 'folder', path: '/elsewhere' } } },
        { context: { kind: 'url', url: 'https://git.invalid/x' } },
        text('ADD https://files.invalid/x /'),
        text('ARG FROM_WHERE\nADD $FROM_WHERE /'),
        text('RUN --mount=type=cache,target=/c make'),
        text('NONSENSE'),
      ];
      for (const fields of unknown) {
        assert.equal(await readInputs(targetIn(folder, fields)), undefined, JSON.stringify(fields));
      }
    }));

  it('leads to an image as long as the store has all of it', () =>
    inFolder(async (folder) => {
      const store = await openStore(join(folder, 'store'));
      assert.equal(await findBuilt(store, 'key'), undefined);
      const layers = [{ size: 1000, seed: 'a' }];
      const { descriptor, layers: made } = await seedImage(store, {
        name: 'localhost/a:1',
        layers,
      });
      await new BuiltImages(store.path).remember('key', descriptor);
      assert.equal((await findBuilt(store, 'key'))?.digest, descriptor.digest);
      const [layer] = made;
      assert.ok(layer);
      await rm(store.blobPath(layer.digest));
      assert.equal(await findBuilt(store, 'key'), undefined);
      const records = async (): Promise<string[]> => readdir(join(store.path, 'builds'));
      await pruneStore(store);
      assert.deepEqual(await records(), ['key.json']);
      await rm(store.blobPath(descriptor.digest));
      await pruneStore(store, { dryRun: true });
      assert.equal((await records()).length, 1);
      await pruneStore(store);
      assert.deepEqual(await records(), []);
      await store.close();
    }));

  it('is on record for all of a group that shares the store', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'store');
      await mkdir(path);
      await chmod(path, 0o2775);
      const store = await openStore(path);
      const { descriptor } = await seedImage(store, { name: 'localhost/a:1', layers: [] });
      await new BuiltImages(path).remember('key', descriptor);
      const mode = async (name: string): Promise<number> =>
        (await stat(join(path, 'builds', name))).mode & 0o7777;
      assert.equal(await mode('.'), 0o2775);
      assert.equal(await mode('key.json'), 0o664);
      await store.close();
    }));
});
