import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ingest, openStore } from '../../src/store/index.ts';
import { bytesOf, describeBytes, failsWith, fill, makeFolder } from './support.ts';

const TIMEOUT = { timeout: 30_000 };

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

function opened(ingest: Ingest | undefined): Ingest {
  assert.ok(ingest);
  return ingest;
}

test('a blob is read in whatever order it comes, to its verified end', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const run = fc.asyncProperty(
    fc.integer({ min: 0, max: 1_500_000 }),
    fc.array(fc.nat(1_499_999), { maxLength: 8 }),
    fc.boolean(),
    fc.nat(),
    async (size, cuts, asyncWrites, seed) => {
      const bytes = bytesOf(size, `follow ${seed} ${size}`);
      const blob = describeBytes(bytes);
      const store = await openStore(folder.path, { asyncWrites });
      const early = readAll(store.follow(blob));
      const ingest = await store.ingest(blob);
      const late = readAll(store.follow(blob));
      // Backwards from each cut: what comes is seldom the next that is wanted.
      for (const cut of cuts.filter((at) => at < size)) {
        await ingest?.write(cut, bytes.subarray(cut, cut + 100_000));
      }
      if (ingest !== undefined) await fill(ingest, bytes);
      const after = readAll(store.follow(blob));
      for (const read of await Promise.all([early, late, after])) assert.ok(read.equals(bytes));
      await store.close();
    },
  );
  await fc.assert(run, { numRuns: 12 });
});

test('what is there in order is given before the rest has come', TIMEOUT, async () => {
  await using folder = await makeFolder();
  await using store = await openStoreIn(folder.path);
  const bytes = bytesOf(2_000_000, 'early');
  const ingest = opened(await store.ingest(describeBytes(bytes)));
  await ingest.write(1_500_000, bytes.subarray(1_500_000));
  await ingest.write(0, bytes.subarray(0, 1_000_000));
  const pieces = store.follow(describeBytes(bytes))[Symbol.asyncIterator]();
  let read = 0;
  while (read < 700_000) {
    const { value } = await pieces.next();
    assert.ok(bytes.subarray(read, read + value.length).equals(value));
    read += value.length;
  }
  const next = pieces.next();
  await fill(ingest, bytes);
  const { value } = await next;
  assert.ok(bytes.subarray(read, read + value.length).equals(value));
  await pieces.return?.();
});

test(
  'the end is not given before the digest is right, and never for wrong bytes',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    await using store = await openStoreIn(folder.path);
    const bytes = bytesOf(600_000, 'wrong');
    const blob = describeBytes(bytes);
    const ingest = opened(await store.ingest(blob));
    const reading = readAll(store.follow(blob));
    const withdrawn = assert.rejects(reading, failsWith('ERR_BLOB_WITHDRAWN', blob.digest));
    const wrong = Buffer.from(bytes);
    wrong[300_000] = (wrong[300_000] ?? 0) ^ 1;
    await assert.rejects(fill(ingest, wrong), failsWith('ERR_DIGEST_MISMATCH'));
    await withdrawn;
    // A second try is another ingest, and another reading.
    const again = readAll(store.follow(blob));
    await fill(await store.ingest(blob), bytes);
    assert.ok((await again).equals(bytes));
  },
);

test('it goes no further than an ingest that lets go, or its own signal', TIMEOUT, async () => {
  await using folder = await makeFolder();
  await using store = await openStoreIn(folder.path);
  const bytes = bytesOf(600_000, 'stops');
  const blob = describeBytes(bytes);
  const stop = new AbortController();
  const waiting = readAll(store.follow(blob, stop.signal));
  const stopped = assert.rejects(waiting, /enough/);
  stop.abort(new Error('enough'));
  await stopped;
  const ingest = opened(await store.ingest(blob));
  await ingest.write(0, bytes.subarray(0, 400_000));
  const reading = readAll(store.follow(blob));
  const withdrawn = assert.rejects(reading, failsWith('ERR_BLOB_WITHDRAWN'));
  await ingest.release();
  await withdrawn;
});

type OpenStore = Awaited<ReturnType<typeof openStore>>;

async function openStoreIn(path: string): Promise<OpenStore & AsyncDisposable> {
  const store = await openStore(path);
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
