import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../../src/image/index.ts';
import { chooseReferences } from '../../src/store/choosePrune.ts';
import {
  clearStore,
  openStore,
  pruneStore,
  readStoreUsage,
  type Store,
  shareBlob,
  verifyStore,
} from '../../src/store/index.ts';
import {
  bytesOf,
  describeBytes,
  failsWith,
  fill,
  LAYER,
  makeFolder,
  randomDigest,
} from './support.ts';

const TIMEOUT = { timeout: 30_000 };
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

async function putLayer(store: Store, seed: string, size = 50_000): Promise<Descriptor> {
  const bytes = bytesOf(size, seed);
  const layer = describeBytes(bytes);
  if (!(await store.has(layer))) await fill(await store.ingest(layer), bytes);
  return layer;
}

async function putImage(
  store: Store,
  name: string,
  layers: readonly Descriptor[],
): Promise<Descriptor> {
  const config = await store.put(MEDIA_TYPES.ociConfig, Buffer.from(JSON.stringify({ name })));
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers };
  const root = await store.put(MEDIA_TYPES.ociManifest, Buffer.from(JSON.stringify(manifest)));
  await store.setReference(name, root);
  return root;
}

/** Makes everything in the store look as old as it would be after that time. */
async function age(store: Store, ms: number): Promise<void> {
  const then = new Date(Date.now() - ms);
  for (const folder of ['blobs/sha256', 'refs', 'leases', 'ingest']) {
    const names = await readdir(join(store.path, folder), { recursive: true });
    for (const name of names) await utimes(join(store.path, folder, name), then, then);
  }
}

/** The change time of a file cannot be set, so what is old here is what is older than nothing. */
const NOW = { graceMs: -HOUR };

test(
  'verify finds what is damaged, missing or foreign, and repair makes room for it',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const store = await openStore(folder.path);
    const [base, top, cut] = [
      await putLayer(store, 'base'),
      await putLayer(store, 'top'),
      await putLayer(store, 'cut'),
    ];
    await putImage(store, 'example.com/good:1', [base]);
    await putImage(store, 'example.com/bad:1', [base, top, cut]);
    const absent = { mediaType: LAYER, digest: randomDigest(), size: 9 };
    await putImage(store, 'example.com/missing:1', [base, absent]);
    const other = { mediaType: MEDIA_TYPES.ociManifest, digest: randomDigest(), size: 9 };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [other] };
    const multi = await store.put(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(index)));
    await store.setReference('example.com/multi:1', multi);
    const foreign = join(folder.path, 'blobs/sha256/README');
    const progress: number[] = [];
    const clean = await verifyStore(store, {
      onProgress: (done, total) => progress.push(done - total),
    });
    assert.equal(progress.at(-1), 0);
    assert.deepEqual(clean.problems, [
      { kind: 'missing-blob', digest: absent.digest, size: 9, reference: 'example.com/missing:1' },
    ]);

    await chmod(store.blobPath(top.digest), 0o644);
    await writeFile(store.blobPath(top.digest), 'x', { flag: 'r+' });
    await chmod(store.blobPath(cut.digest), 0o644);
    await truncate(store.blobPath(cut.digest), 100);
    await writeFile(foreign, '');
    const names = await readdir(join(folder.path, 'refs'));
    const file = names.find((name) => name.includes('multi')) ?? '';
    await writeFile(join(folder.path, 'refs', file), '{');
    const kinds = async (repair: boolean): Promise<string[]> => {
      const { problems } = await verifyStore(store, { repair });
      return problems
        .map((problem) => `${problem.kind}${'repaired' in problem && problem.repaired ? '!' : ''}`)
        .sort();
    };
    const damaged = [
      'damaged-blob',
      'damaged-blob',
      'damaged-reference',
      'foreign-file',
      'missing-blob',
    ];
    assert.deepEqual(await kinds(false), damaged);
    assert.equal((await stat(store.blobPath(top.digest))).size, 50_000, 'only looked at');
    const repaired = [
      'damaged-blob!',
      'damaged-blob!',
      'damaged-reference!',
      'foreign-file',
      'missing-blob',
      'missing-blob',
      'missing-blob',
    ];
    assert.deepEqual(await kinds(true), repaired);
    await putLayer(store, 'top');
    await putLayer(store, 'cut');
    assert.deepEqual(await kinds(false), ['foreign-file', 'missing-blob']);
    await store.close();
  },
);

test('prune removes what no reference needs, and nothing that is young', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  const shared = await putLayer(store, 'shared');
  const own = await putLayer(store, 'own');
  await putImage(store, 'example.com/a:1', [shared]);
  await putImage(store, 'example.com/b:1', [shared, own]);
  await store.deleteReference('example.com/b:1');
  await store.close();
  const young = await pruneStore(store);
  assert.deepEqual([young.blobs, young.freedBytes], [[], 0]);
  assert.ok(young.heldBackBytes > own.size);
  const trial = await pruneStore(store, { ...NOW, dryRun: true });
  assert.equal(trial.blobs.length, 3);
  assert.equal(await store.stat(own.digest), own.size, 'a dry run changes nothing');
  const result = await pruneStore(store, NOW);
  assert.deepEqual(result.blobs, trial.blobs);
  assert.equal(result.freedBytes, trial.freedBytes);
  assert.equal(result.heldBackBytes, 0);
  assert.equal(await store.stat(own.digest), undefined);
  assert.deepEqual((await verifyStore(store)).problems, []);
  assert.equal((await verifyStore(store)).blobs, 3);
});

test('prune leaves what a run that goes on has published or asked for', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const before = await openStore(folder.path);
  const old = await putLayer(before, 'old');
  await before.close();
  const run = await openStore(folder.path);
  const fresh = await putLayer(run, 'fresh');
  await age(run, 0);
  const beside = await pruneStore(run, NOW);
  assert.deepEqual(beside.blobs, [], 'both were used since the run began, less its margin');
  assert.equal(await run.has(old), true);
  assert.equal(await run.has(fresh), true);
  await run.close();
  assert.equal((await pruneStore(run, NOW)).blobs.length, 2);
});

test('prune by age and by size removes the least recently used references', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  for (const name of ['a', 'b', 'c']) {
    await putImage(store, `example.com/${name}:1`, [await putLayer(store, name, 100_000)]);
  }
  await store.close();
  await age(store, 3 * DAY);
  await store.touchReference('example.com/a:1');
  const refs = join(folder.path, 'refs');
  const c = (await readdir(refs)).find((name) => name.includes('_c_')) ?? '';
  const fiveDays = new Date(Date.now() - 5 * DAY);
  await utimes(join(refs, c), fiveDays, fiveDays);
  const byAge = await pruneStore(store, { ...NOW, unusedForMs: 4 * DAY });
  assert.deepEqual(
    byAge.references.map(({ name, reason }) => [name, reason]),
    [['example.com/c:1', 'unused']],
  );
  const bySize = await pruneStore(store, { ...NOW, maxSizeBytes: 150_000 });
  assert.deepEqual(
    bySize.references.map(({ name, reason }) => [name, reason]),
    [['example.com/b:1', 'size']],
  );
  assert.ok(bySize.freedBytes >= 100_000);
  assert.ok(bySize.keptBytes <= 150_000);
  const index = await readFile(join(folder.path, 'index.json'), 'utf8');
  assert.match(index, /example.com\/a:1/);
  assert.doesNotMatch(index, /example.com\/[bc]:1/);
  assert.deepEqual((await verifyStore(store)).problems, []);
});

test(
  'prune clears away what unfinished work has left, once it is old and nobody is at it',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const store = await openStore(folder.path);
    const bytes = bytesOf(700_000, 'partial');
    const left = await store.ingest(describeBytes(bytes));
    await left?.write(0, bytes);
    await left?.release();
    const held = await store.ingest(describeBytes(bytesOf(1000, 'held')));
    await writeFile(join(folder.path, 'ingest', 'upload-1234'), 'abc');
    await writeFile(join(folder.path, 'refs', '.x.json.12.tmp'), 'abc');
    assert.deepEqual((await pruneStore(store)).leftovers, []);
    await age(store, 8 * DAY);
    const { leftovers } = await pruneStore(store);
    assert.deepEqual(
      leftovers.map((item) => item.bytes > 600_000),
      [true, false, false].slice(0, leftovers.length),
    );
    assert.equal(leftovers.length, 3);
    assert.equal(await store.partialBytes(describeBytes(bytes).digest), 0);
    assert.equal(held?.signal.aborted, false);
    await fill(held, bytesOf(1000, 'held'));
    await store.close();
    assert.deepEqual(await readdir(join(folder.path, 'leases')), []);
  },
);

test('the choice keeps what is protected and stops when the rest fits', () => {
  const blob = fc.constantFrom(...Array.from({ length: 8 }, () => randomDigest()));
  const sizes = new Map<Digest, number>();
  const reference = fc.record({ usedAtMs: fc.nat(100), digests: fc.array(blob, { maxLength: 4 }) });
  fc.assert(
    fc.property(
      fc.array(reference, { maxLength: 10 }),
      fc.record({
        maxSizeBytes: fc.option(fc.nat(500), { nil: undefined }),
        unusedForMs: fc.option(fc.nat(100), { nil: undefined }),
        protectedFromMs: fc.nat(120),
      }),
      (references, limits) => {
        const candidates = references.map(({ usedAtMs, digests }, i) => ({
          name: `r${i}`,
          usedAtMs,
          blobs: new Map(digests.map((digest) => [digest, sizeOf(digest)])),
        }));
        const chosen = new Set(
          chooseReferences(candidates, { ...limits, nowMs: 100 }).map(({ name }) => name),
        );
        const kept = candidates.filter(({ name }) => !chosen.has(name));
        const total = [...new Map(kept.flatMap(({ blobs }) => [...blobs])).values()].reduce(
          (a, b) => a + b,
          0,
        );
        const free = kept.filter(({ usedAtMs }) => usedAtMs < limits.protectedFromMs);
        for (const { name, usedAtMs } of candidates) {
          if (chosen.has(name)) assert.ok(usedAtMs < limits.protectedFromMs);
          if (chosen.has(name)) assert.ok(free.every((other) => other.usedAtMs >= usedAtMs));
        }
        if (free.length > 0) assert.ok(total <= (limits.maxSizeBytes ?? Number.POSITIVE_INFINITY));
        for (const { usedAtMs } of free) assert.ok(100 - usedAtMs <= (limits.unusedForMs ?? 1000));
      },
    ),
  );
  function sizeOf(digest: Digest): number {
    const size = sizes.get(digest) ?? 10 + sizes.size * 17;
    sizes.set(digest, size);
    return size;
  }
});

test('usage tells what each reference costs, shared and alone', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  const shared = await putLayer(store, 'shared', 100_000);
  const own = await putLayer(store, 'own', 30_000);
  await putImage(store, 'example.com/a:1', [shared]);
  await putImage(store, 'example.com/b:1', [shared, own]);
  const loose = await putLayer(store, 'loose', 7000);
  const partial = await store.ingest({ mediaType: LAYER, digest: randomDigest(), size: 1_000_000 });
  assert.equal(await partial?.write(0, Buffer.alloc(600_000)), undefined);
  const usage = await readStoreUsage(store);
  const [a, b] = usage.references;
  assert.deepEqual([a?.name, b?.name], ['example.com/a:1', 'example.com/b:1']);
  assert.ok((a?.bytes ?? 0) > 100_000 && (a?.ownBytes ?? 0) < 2000);
  assert.ok((b?.bytes ?? 0) > 130_000 && (b?.ownBytes ?? 0) >= 30_000);
  assert.equal(usage.unreferencedBytes, loose.size);
  assert.deepEqual(
    usage.partial.map(({ bytes }) => bytes),
    [600_000],
  );
  await store.close();
});

test('clear empties a store that nobody works on', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path);
  const layer = await putLayer(store, 'x');
  await putImage(store, 'example.com/a:1', [layer]);
  await assert.rejects(clearStore(folder.path), failsWith('ERR_STORE_IN_USE', folder.path));
  await store.close();
  const cleared = await clearStore(folder.path);
  assert.equal(cleared.blobs, 3);
  assert.ok(cleared.freedBytes > layer.size);
  const again = await openStore(folder.path);
  assert.deepEqual(await again.references(), []);
  assert.equal(await again.has(layer), false);
  await putLayer(again, 'x');
  assert.equal(await again.has(layer), true);
  await clearStore(folder.path, { force: true });
  await again.close();
});

test('a blob is shared by the cheapest way, and replaces what was there', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(join(folder.path, 'store'));
  const layer = await putLayer(store, 'share');
  const target = join(folder.path, 'layer.tar.gz');
  for (const mode of ['auto', 'copy', 'hardlink', 'hardlink', 'auto'] as const) {
    await writeFile(`${target}.other`, 'something else');
    const how = await shareBlob(store, layer.digest, target, { mode });
    assert.ok(mode === 'auto' ? how !== 'copy' : how === mode);
    assert.deepEqual(await readFile(target), bytesOf(50_000, 'share'));
    assert.deepEqual((await readdir(folder.path)).sort(), [
      'layer.tar.gz',
      'layer.tar.gz.other',
      'store',
    ]);
  }
  const missing = randomDigest();
  await assert.rejects(shareBlob(store, missing, target), failsWith('ERR_BLOB_NOT_FOUND', missing));
  const nowhere = join(folder.path, 'no', 'where');
  await assert.rejects(
    shareBlob(store, layer.digest, nowhere),
    failsWith('ERR_STORE_WRITE', nowhere),
  );
  await store.close();
});
