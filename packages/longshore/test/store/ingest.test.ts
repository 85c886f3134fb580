import assert from 'node:assert/strict';
import { cp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ownIdentity } from '../../src/holder.ts';
import { type Ingest, openStore, type StoreOptions } from '../../src/store/index.ts';
import { bytesOf, collect, describeBytes, failsWith, fill, makeFolder } from './support.ts';

const TIMEOUT = { timeout: 60_000 };
const NOBODY = 2 ** 22 + 5;

/** A process that has been killed: what it left is taken over at once. */
function killedIdentity(bootId = ownIdentity().bootId): NonNullable<StoreOptions['identity']> {
  // Above the largest process id that Linux gives.
  return { ...ownIdentity(), pid: NOBODY, bootId };
}

async function folderIn(path: string): Promise<string> {
  const [name] = await readdir(path);
  assert.ok(name);
  return join(path, name);
}

/** The folder of the only ingest of a store. */
async function onlyIngest(store: string): Promise<string> {
  return folderIn(await folderIn(join(store, 'ingest')));
}

test('any order of chunks, cut and continued anywhere, becomes the blob', TIMEOUT, async () => {
  const size = 2_500_000;
  const bytes = bytesOf(size, 'any order');
  const blob = describeBytes(bytes);
  const step = fc.record({
    at: fc.nat(size - 1),
    length: fc.integer({ min: 1, max: 900_000 }),
    after: fc.constantFrom('go on', 'go on', 'go on', 'release', 'kill'),
  });
  const run = fc.asyncProperty(
    fc.array(step, { maxLength: 12 }),
    fc.integer({ min: 5000, max: 300_000 }),
    fc.boolean(),
    async (steps, chunk, asyncWrites) => {
      await using folder = await makeFolder();
      const options = { asyncWrites, identity: killedIdentity(), checkpointBytes: 400_000 };
      let store = await openStore(folder.path, options);
      let ingest = await store.ingest(blob);
      const ghosts: (Ingest | undefined)[] = [];
      for (const { at, length, after } of steps) {
        const end = Math.min(at + length, size);
        for (let start = at; start < end; start += chunk) {
          await ingest?.write(start, bytes.subarray(start, Math.min(start + chunk, end)));
        }
        if (after === 'go on') continue;
        const before = missingBytes(ingest);
        if (after === 'release') await ingest?.release();
        // Killed: the old one is just left. In the end it lets go, to which nobody may listen.
        else ghosts.push(ingest);
        store = await openStore(folder.path, options);
        const next = await store.ingest(blob);
        const lost = missingBytes(next) - before;
        assert.ok(lost >= 0);
        if (after === 'release') assert.equal(lost, 0);
        ingest = next;
      }
      await fill(ingest, bytes, chunk);
      for (const ghost of ghosts) await ghost?.release();
      assert.deepEqual(await collect(await store.open(blob.digest)), bytes);
      assert.deepEqual(await readdir(join(folder.path, 'ingest')), []);
      await store.close();
    },
  );
  await fc.assert(run, { numRuns: 25 });
});

function missingBytes(ingest: Ingest | undefined): number {
  assert.ok(ingest);
  return ingest.missing().reduce((sum, { start, end }) => sum + end - start, 0);
}

test(
  'whatever is damaged in a leftover, the blob comes out right or not at all',
  TIMEOUT,
  async () => {
    const size = 2_000_000;
    const bytes = bytesOf(size, 'damage');
    const blob = describeBytes(bytes);
    await using template = await makeFolder();
    const identity = killedIdentity();
    const first = await openStore(template.path, { identity, checkpointBytes: 500_000 });
    const started = await first.ingest(blob);
    for (let at = 0; at < 1_600_000; at += 40_000) {
      await started?.write(at, bytes.subarray(at, at + 40_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await started?.release();
    const damage = fc.record({
      file: fc.constantFrom('data', 'data', 'state.json', 'pieces'),
      how: fc.constantFrom('flip', 'cut', 'empty', 'remove'),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    const run = fc.asyncProperty(
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      async (damages) => {
        await using folder = await makeFolder();
        await cp(template.path, folder.path, { recursive: true });
        const place = await onlyIngest(folder.path);
        for (const { file, how, at } of damages) await harm(join(place, file), how, at);
        const store = await openStore(folder.path, { identity });
        const ingest = await store.ingest(blob);
        try {
          await fill(ingest, bytes);
        } catch (error) {
          failsWith('ERR_DIGEST_MISMATCH')(error);
          assert.equal(await store.has(blob), false);
          await fill(await store.ingest(blob), bytes);
        }
        assert.deepEqual(await collect(await store.open(blob.digest)), bytes);
        await store.close();
      },
    );
    await fc.assert(run, { numRuns: 25 });
  },
);

async function harm(path: string, how: string, at: number): Promise<void> {
  const content = await readFile(path).catch(() => undefined);
  if (content === undefined) return;
  const position = Math.floor(at * content.length);
  if (how === 'remove') await rm(path);
  else if (how === 'empty') await writeFile(path, '');
  else if (how === 'cut') await truncate(path, position);
  else {
    const file = await open(path, 'r+');
    await file.write(Buffer.from([1 + (content[position] ?? 0)]), 0, 1, position);
    await file.close();
  }
}

test('a damaged prefix is cut back to the last checkpoint that is right', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(3_000_000, 'prefix');
  const blob = describeBytes(bytes);
  const options = { identity: killedIdentity(), checkpointBytes: 500_000 };
  const store = await openStore(folder.path, options);
  const ingest = await store.ingest(blob);
  const state = async (): Promise<{ checkpoints: [number, string][] }> =>
    JSON.parse(await readFile(join(await onlyIngest(folder.path), 'state.json'), 'utf8'));
  for (let at = 0; at < 2_500_000; at += 100_000) {
    await ingest?.write(at, bytes.subarray(at, at + 100_000));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await ingest?.release();
  const offsets = (await state()).checkpoints.map(([offset]) => offset);
  assert.ok(offsets.length >= 2, `checkpoints: ${offsets.join()}`);
  const [first = 0, second = 0] = offsets;
  await harm(join(await onlyIngest(folder.path), 'data'), 'flip', (first + 10) / 2_500_000);
  assert.ok(first + 10 < second);
  const verified: number[] = [];
  const next = await store.ingest(blob, { onVerifyProgress: (done) => verified.push(done) });
  assert.equal(next?.resumedBytes, first);
  assert.deepEqual(next?.missing(), [{ start: first, end: blob.size }]);
  assert.ok(verified.length > 0);
  await fill(next, bytes);
  assert.equal(await store.has(blob), true);
  await store.close();
});

test('after a boot only synced bytes are gone on from', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(3_000_000, 'boot');
  const blob = describeBytes(bytes);
  const before = await openStore(folder.path, { checkpointBytes: 1_000_000 });
  const ingest = await before.ingest(blob);
  await ingest?.write(0, bytes.subarray(0, 1_200_000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await ingest?.write(1_200_000, bytes.subarray(1_200_000, 1_900_000));
  await ingest?.release();
  assert.equal(await before.partialBytes(blob.digest), 1_900_000);
  const identity = { ...ownIdentity(), bootId: 'another boot' };
  const after = await openStore(folder.path, { identity });
  assert.equal(await after.partialBytes(blob.digest), 1_200_000);
  const next = await after.ingest(blob);
  assert.equal(next?.resumedBytes, 1_200_000);
  await fill(next, bytes);
  assert.equal(await after.has(blob), true);
  await after.close();
  await before.close();
});

test('a complete blob of the wrong size is fetched again', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(5000, 'size');
  const blob = describeBytes(bytes);
  const store = await openStore(folder.path);
  await fill(await store.ingest(blob), bytes);
  await rm(store.blobPath(blob.digest));
  await writeFile(store.blobPath(blob.digest), 'torn');
  assert.equal(await store.has(blob), false);
  await fill(await store.ingest(blob), bytes);
  assert.deepEqual(await store.read(blob.digest, 5000), bytes);
  await writeFile(
    store.blobPath(blob.digest),
    bytes.subarray(1).toString('latin1').padEnd(5000),
  ).catch(() => undefined);
  await store.close();
});

test('a full disk is one clear error, and what was there is gone on from', TIMEOUT, async () => {
  for (const errno of ['ENOSPC', 'EDQUOT']) {
    for (const asyncWrites of [false, true]) {
      await using folder = await makeFolder();
      const bytes = bytesOf(2_000_000, 'full');
      const blob = describeBytes(bytes);
      let room = 1_400_000;
      const { SYSTEM_IO } = await import('../../src/store/writeIo.ts');
      const take = (chunk: Uint8Array): void => {
        room -= chunk.byteLength;
        if (room < 0) throw Object.assign(new Error(`${errno}: no space`), { code: errno });
      };
      const io: StoreOptions['io'] = {
        writeSync: (fd, chunk, offset, position) => {
          take(chunk);
          return SYSTEM_IO.writeSync(fd, chunk, offset, position);
        },
        write: async (fd, chunk, offset, position) => {
          take(chunk);
          return SYSTEM_IO.write(fd, chunk, offset, position);
        },
      };
      const store = await openStore(folder.path, { io, asyncWrites });
      const ingest = await store.ingest(blob);
      await assert.rejects(fill(ingest, bytes, 100_000), (error) =>
        failsWith('ERR_DISK_FULL', folder.path)(error),
      );
      await ingest?.release();
      assert.equal(await store.partialBytes(blob.digest), 1_400_000);
      room = 1e9;
      const next = await store.ingest(blob);
      assert.equal(next?.resumedBytes, 1_400_000);
      await fill(next, bytes);
      assert.equal(await store.has(blob), true);
      await store.close();
    }
  }
});

test('a sync that fails throws away what it was for', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(900_000, 'sync');
  const blob = describeBytes(bytes);
  let broken = true;
  const syncData: NonNullable<StoreOptions['io']>['syncData'] = async (file) => {
    if (broken) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    await file.datasync();
  };
  const store = await openStore(folder.path, { io: { syncData } });
  const ingest = await store.ingest(blob);
  await assert.rejects(fill(ingest, bytes), failsWith('ERR_STORE_WRITE', 'EIO'));
  await assert.rejects(async () => ingest?.commit(), failsWith('ERR_STORE_WRITE', 'EIO'));
  await ingest?.release();
  assert.equal(await store.has(blob), false);
  assert.equal(await store.partialBytes(blob.digest), 0);
  broken = false;
  await fill(await store.ingest(blob), bytes);
  assert.equal(await store.has(blob), true);
  await store.close();
});

test(
  'published blobs cannot be written, and shared ones belong to the group',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const { stat } = await import('node:fs/promises');
    const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;
    const own = await openStore(join(folder.path, 'own'));
    const blob = await own.put('x', Buffer.from('x'));
    assert.equal((await mode(own.blobPath(blob.digest))) & 0o333, 0);
    const shared = await openStore(join(folder.path, 'shared'), { groupShared: true });
    await shared.put('x', Buffer.from('x'));
    assert.equal(await mode(shared.blobPath(blob.digest)), 0o444);
    assert.equal(await mode(join(shared.path, 'blobs', 'sha256')), 0o2775);
    await shared.setReference('a', blob);
    const [reference] = await readdir(join(shared.path, 'refs'));
    assert.equal(await mode(join(shared.path, 'refs', reference ?? '')), 0o664);
    await own.close();
    await shared.close();
  },
);

test(
  "a directory that was made for a group keeps a group's modes under any umask",
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const { chmod, stat } = await import('node:fs/promises');
    await chmod(folder.path, 0o2775);
    const before = process.umask(0o077);
    try {
      const store = await openStore(folder.path);
      const bytes = bytesOf(3_000_000, 'group');
      const ingest = await store.ingest(describeBytes(bytes));
      await ingest?.write(0, bytes.subarray(0, 2_000_000));
      await ingest?.release();
      await store.put('x', Buffer.from('x'));
      for (const name of await readdir(folder.path, { recursive: true })) {
        const stats = await stat(join(folder.path, name));
        const wanted = stats.isDirectory() ? 0o2775 : name.startsWith('blobs') ? 0o444 : 0o664;
        assert.equal((stats.mode & 0o7777).toString(8), wanted.toString(8), name);
      }
      await store.close();
    } finally {
      process.umask(before);
    }
  },
);
