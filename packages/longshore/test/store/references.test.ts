import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openStore } from '../../src/store/index.ts';
import { isReferenceFileName, referenceFileName } from '../../src/store/layout.ts';
import { bytesOf, describeBytes, makeFolder } from './support.ts';

const TIMEOUT = { timeout: 30_000 };
const REF_NAME = 'org.opencontainers.image.ref.name';

interface IndexFile {
  readonly schemaVersion: number;
  readonly manifests: readonly {
    readonly digest: string;
    readonly size: number;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

async function readIndex(path: string): Promise<IndexFile> {
  return JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
}

async function namesIn(path: string): Promise<(string | undefined)[]> {
  return (await readIndex(path)).manifests.map(({ annotations }) => annotations[REF_NAME]);
}

test('file names of references are safe, short and of one name only', () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 150 }), (name) => {
      const fileName = referenceFileName(name);
      assert.ok(isReferenceFileName(fileName), fileName);
      assert.ok(fileName.length <= 140);
      assert.equal(seen.get(fileName) ?? name, name);
      seen.set(fileName, name);
    }),
  );
  assert.notEqual(referenceFileName('a:B'), referenceFileName('a:b'));
  assert.match(referenceFileName('docker.io/library/debian:12'), /^docker\.io_library_debian_12-/);
});

test('index.json is what an OCI layout asks for', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  assert.deepEqual(JSON.parse(await readFile(join(folder.path, 'oci-layout'), 'utf8')), {
    imageLayoutVersion: '1.0.0',
  });
  assert.deepEqual((await readIndex(folder.path)).manifests, []);
  const blob = { ...describeBytes(bytesOf(10, 'm')), annotations: { kept: 'yes' } };
  await store.setReference('b.example/x:1', blob);
  await store.setReference('a.example/x:1', blob);
  await store.close();
  const index = await readIndex(folder.path);
  assert.equal(index.schemaVersion, 2);
  assert.deepEqual(
    index.manifests.map(({ digest, size, annotations }) => ({ digest, size, annotations })),
    ['a.example/x:1', 'b.example/x:1'].map((name) => ({
      digest: blob.digest,
      size: blob.size,
      annotations: { kept: 'yes', [REF_NAME]: name },
    })),
  );
  const again = await openStore(folder.path);
  await again.deleteReference('a.example/x:1');
  await again.close();
  assert.deepEqual(await namesIn(folder.path), ['b.example/x:1']);
});

test('many references cost few rewrites of index.json', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  const blob = describeBytes(bytesOf(10, 'm'));
  const inodes = new Set<number>();
  for (let i = 0; i < 150; i += 1) {
    await store.setReference(`example.com/x:${i}`, blob);
    inodes.add((await stat(join(folder.path, 'index.json'))).ino);
  }
  await store.close();
  assert.equal((await namesIn(folder.path)).length, 150);
  assert.ok(inodes.size < 50, `${inodes.size} versions`);
});

test('stores that change references at once agree in the end', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const blob = describeBytes(bytesOf(10, 'm'));
  const stores = await Promise.all([0, 1, 2].map(() => openStore(folder.path)));
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(
      stores.map(async (store, i) => {
        for (let n = 0; n < 10; n += 1) {
          await store.setReference(`example.com/x:${round}-${i}-${n}`, blob);
        }
        if (round > 0) await store.deleteReference(`example.com/x:${round - 1}-${i}-3`);
        await store.close();
      }),
    );
    const expected = (await stores[0]?.references())?.map(({ name }) => name);
    assert.equal(expected?.length, (round + 1) * 30 - round * 3);
    assert.deepEqual(await namesIn(folder.path), expected);
  }
});

test('a damaged reference is passed over, and a new one written over it', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  const blob = describeBytes(bytesOf(10, 'm'));
  await store.setReference('example.com/a:1', blob);
  await store.setReference('example.com/b:1', blob);
  const [first = ''] = (await readdir(join(folder.path, 'refs'))).sort();
  await writeFile(join(folder.path, 'refs', first), '{"name":"example.com/a:1","descriptor":{"dig');
  assert.equal(await store.getReference('example.com/a:1'), undefined);
  assert.deepEqual(
    (await store.references()).map(({ name }) => name),
    ['example.com/b:1'],
  );
  await store.setReference('example.com/a:1', blob);
  assert.deepEqual(await store.getReference('example.com/a:1'), blob);
  await store.close();
});

test('an index that was lost, or left behind by a crash, is written again', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const blob = describeBytes(bytesOf(10, 'm'));
  const store = await openStore(folder.path);
  await store.setReference('example.com/a:1', blob);
  await store.close();
  await rm(join(folder.path, 'index.json'));
  const again = await openStore(folder.path);
  await again.close();
  assert.deepEqual(await namesIn(folder.path), ['example.com/a:1']);
  const killed = await openStore(folder.path);
  await killed.setReference('example.com/b:1', blob);
  await (await openStore(folder.path)).close();
  assert.deepEqual(await namesIn(folder.path), ['example.com/a:1', 'example.com/b:1']);
  await killed.close();
});
