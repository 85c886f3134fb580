import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { KnownBuilds, keyOf, readInputs } from '../../../src/build/builder/buildah/known.ts';
import type { BuildTarget } from '../../../src/build/index.ts';
import { seedImage } from '../../../src/serve/index.ts';
import { openStore } from '../../../src/store/index.ts';
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
      const known = new KnownBuilds(store);
      assert.equal(await known.find('key'), undefined);
      const layers = [{ size: 1000, seed: 'a' }];
      const { descriptor, layers: made } = await seedImage(store, {
        name: 'localhost/a:1',
        layers,
      });
      await known.remember('key', descriptor);
      assert.equal((await known.find('key'))?.digest, descriptor.digest);
      const [layer] = made;
      assert.ok(layer);
      await rm(store.blobPath(layer.digest));
      assert.equal(await known.find('key'), undefined);
      await store.close();
    }));
});
