import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../src/image/index.ts';
import { HashThread } from '../../src/store/hashThread.ts';
import { openStore } from '../../src/store/index.ts';
import { RangeSet } from '../../src/store/rangeSet.ts';
import { ThreadedHash } from '../../src/store/threadedHash.ts';
import { bytesOf, collect, describeBytes, failsWith, makeFolder } from './support.ts';

const TIMEOUT = { timeout: 60_000 };

test('blobs in any order are hashed on another thread, from any moment on', TIMEOUT, async () => {
  await using folder = await makeFolder();
  // Checkpoints ask the thread for what it has hashed in the middle.
  const store = await openStore(folder.path, { hashThreadBytes: 1, checkpointBytes: 500_000 });
  const run = fc.asyncProperty(
    fc.integer({ min: 1, max: 3_000_000 }),
    fc.integer({ min: 20_000, max: 700_000 }),
    fc.infiniteStream(fc.nat()),
    fc.nat(8),
    fc.boolean(),
    async (size, length, order, handOverAfter, wrong) => {
      const bytes = bytesOf(size, `${size} ${length} ${wrong}`);
      const blob = describeBytes(bytes);
      if (wrong) bytes[size >> 1] = (bytes[size >> 1] ?? 0) ^ 1;
      const ingest = await store.ingest(blob);
      if (ingest === undefined) return;
      const starts = Array.from({ length: Math.ceil(size / length) }, (_, i) => i * length);
      for (let written = 0; starts.length > 0; written += 1) {
        if (written === handOverAfter) ingest.hashElsewhere();
        const [next] = order;
        const [start = 0] = starts.splice((next ?? 0) % starts.length, 1);
        await ingest.write(start, bytes.subarray(start, start + length));
      }
      if (wrong) {
        await assert.rejects(ingest.commit(), failsWith('ERR_DIGEST_MISMATCH'));
        assert.equal(await store.has(blob), false);
      } else {
        await ingest.commit();
        assert.deepEqual(await collect(await store.open(blob.digest)), bytes);
      }
    },
  );
  await fc.assert(run, { numRuns: 40 });
  await store.close();
});

test(
  'of several blobs at once some are kept, and verified all the same',
  TIMEOUT,
  async (context) => {
    const { mock } = context.mock.method(HashThread.prototype, 'keep');
    await using folder = await makeFolder();
    const store = await openStore(folder.path, { hashThreadBytes: 1 });
    const bytes = Array.from({ length: 5 }, (_, i) => bytesOf(2_000_000 - i, `kept ${i}`));
    const blobs = bytes.map((all) => describeBytes(all));
    const wrong = bytes[3] ?? assert.fail();
    wrong[1_500_000] = (wrong[1_500_000] ?? 0) ^ 1;
    const ingests = await Promise.all(blobs.map((blob) => store.ingest(blob)));
    for (const ingest of ingests) ingest?.hashElsewhere();
    const kept = mock.calls.map(({ result }) => result !== undefined);
    assert.deepEqual(kept, [false, true, false, true, false]);
    for (const half of [1, 0]) {
      for (const [i, all] of bytes.entries()) {
        await ingests[i]?.write(
          half * 1_000_000,
          all.subarray(half * 1_000_000, 1_000_000 * (half + 1)),
        );
      }
    }
    const ends = await Promise.allSettled(ingests.map(async (ingest) => ingest?.commit()));
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    for (const i of [0, 1, 2, 4]) {
      const { digest } = blobs[i] ?? assert.fail();
      assert.deepEqual(await collect(await store.open(digest)), bytes[i]);
    }
    await store.close();
  },
);

test('what is kept is no more than what the thread has, and no large file', TIMEOUT, async () => {
  const thread = new HashThread(1);
  const listener = { onReply: () => undefined, onGone: () => undefined };
  assert.equal(thread.keep(3), undefined);
  const file = thread.open(listener, 1000);
  const done = thread.keep(600);
  assert.ok(done);
  assert.equal(thread.keep(403), undefined);
  done();
  assert.ok(thread.keep(1000));
  thread.open(listener, 2 ** 30);
  assert.equal(thread.keep(129 * 1024 * 1024), undefined);
  file.end();
  await thread.close();
});

/** A file of which a thread is told that all of `bytes` is in it. */
async function hashing(path: string, bytes: Buffer, written = bytes.byteLength) {
  const file = await open(join(path, 'data'), 'w+');
  await file.write(bytes, 0, written);
  const thread = new HashThread(1);
  const landed = new RangeSet([{ start: 0, end: bytes.byteLength }]);
  const digest = digestOf(bytes);
  const hash = new ThreadedHash(thread, { digest, size: bytes.byteLength, file, landed });
  return { file, thread, hash, digest };
}

test('a thread that is lost costs hashing again, nothing else', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(2_000_000, 'lost');
  const { file, thread, hash, digest } = await hashing(folder.path, bytes);
  hash.follow();
  const [settled] = await Promise.all([hash.settle(), thread.close()]);
  assert.deepEqual(settled, { offset: bytes.byteLength, prefix: digest });
  assert.deepEqual(await hash.prefix(), settled);
  await hash.stop();
  await file.close();
});

test('what is missing in the file is told, and the thread goes on', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(1_000_000, 'short');
  const { file, thread, hash } = await hashing(folder.path, bytes, 400_000);
  await assert.rejects(hash.settle(), /the file ends at 400000/);
  await hash.stop();
  await file.close();
  assert.equal(thread.pays(1), true);
  await thread.close();
});
