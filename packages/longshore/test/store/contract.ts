import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { digestOf, parseDigest } from '../../src/image/index.ts';
import type { Store } from '../../src/store/index.ts';
import { bytesOf, collect, describeBytes, failsWith, fill, randomDigest } from './support.ts';

/** A place for one test: the store in it may be opened again and again, until it is removed. */
export interface StorePlace {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

/** What every implementation of `Store` must do, whatever it keeps its content in. */
export function testStoreContract(kind: string, makePlace: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, place: StorePlace) => Promise<void>): void => {
    void it(what, { timeout: 20_000 }, async () => {
      const place = await makePlace();
      try {
        const store = await place.open();
        await body(store, place);
        await store.close();
      } finally {
        await place.remove();
      }
    });
  };

  void describe(`store contract: ${kind}`, () => {
    check('publishes small bytes once and reads them back', async (store) => {
      const bytes = Buffer.from('{"a":1}');
      const first = await store.put('application/json', bytes);
      const second = await store.put('application/json', bytes);
      assert.deepEqual(first, second);
      assert.deepEqual(first, describeBytes(bytes, 'application/json'));
      assert.equal(await store.has(first), true);
      assert.equal(await store.stat(first.digest), bytes.length);
      assert.deepEqual(await store.read(first.digest, 100), bytes);
      await assert.rejects(store.read(first.digest, 3), failsWith('ERR_BLOB_TOO_LARGE'));
    });

    check('puts right what is damaged under the same name', async (store) => {
      const bytes = Buffer.from('{"a":1}');
      const { digest } = await store.put('application/json', bytes);
      await rm(store.blobPath(digest));
      await writeFile(store.blobPath(digest), '{"a":2}');
      await assert.rejects(store.read(digest, 100), failsWith('ERR_BLOB_DAMAGED', digest));
      await store.put('application/json', bytes);
      assert.deepEqual(await store.read(digest, 100), bytes);
    });

    check('says what it does not have', async (store) => {
      const digest = randomDigest();
      assert.equal(await store.has({ digest, size: 5 }), false);
      assert.equal(await store.stat(digest), undefined);
      assert.equal(await store.partialBytes(digest), 0);
      await assert.rejects(store.read(digest, 100), failsWith('ERR_BLOB_NOT_FOUND', digest));
      await assert.rejects(store.open(digest), failsWith('ERR_BLOB_NOT_FOUND', digest));
    });

    check('takes a blob in chunks and reads ranges of it', async (store) => {
      const bytes = bytesOf(300_001, 'chunks');
      const blob = describeBytes(bytes);
      const ingest = await store.ingest(blob);
      assert.equal(ingest?.resumedBytes, 0);
      assert.deepEqual(ingest?.missing(), [{ start: 0, end: bytes.length }]);
      assert.equal(await store.has(blob), false);
      await fill(ingest, bytes, 7777);
      assert.equal(await store.has(blob), true);
      assert.equal(await store.ingest(blob), undefined);
      assert.deepEqual(await collect(await store.open(blob.digest)), bytes);
      const part = await store.open(blob.digest, { start: 1000, end: 70_000 });
      assert.deepEqual(await collect(part), bytes.subarray(1000, 70_000));
      const beyond = await store.open(blob.digest, { start: 300_000, end: 900_000 });
      assert.deepEqual(await collect(beyond), bytes.subarray(300_000));
      const nothing = await store.open(blob.digest, { start: 300_001 });
      assert.equal((await collect(nothing)).length, 0);
    });

    check('takes chunks in any order; the first to write a byte wins', async (store) => {
      const bytes = bytesOf(200_000, 'order');
      const blob = describeBytes(bytes);
      const ingest = await store.ingest(blob);
      assert.ok(ingest);
      await ingest.write(150_000, bytes.subarray(150_000));
      await ingest.write(50_000, bytes.subarray(50_000, 100_000));
      assert.deepEqual(ingest.missing(), [
        { start: 0, end: 50_000 },
        { start: 100_000, end: 150_000 },
      ]);
      // Overlaps what is there, with other bytes: only the gap is taken.
      const wrong = Buffer.from(bytes.subarray(40_000, 160_000));
      wrong.fill(0, 10_000, 60_000);
      wrong.fill(0, 110_000);
      await ingest.write(40_000, wrong);
      await ingest.write(0, bytes.subarray(0, 40_000));
      assert.deepEqual(ingest.missing(), []);
      await ingest.commit();
      assert.deepEqual(await collect(await store.open(blob.digest)), bytes);
    });

    check('takes the empty blob, and sha512', async (store) => {
      const empty = describeBytes(Buffer.alloc(0));
      await fill(await store.ingest(empty), Buffer.alloc(0));
      assert.equal(await store.has(empty), true);
      assert.equal((await collect(await store.open(empty.digest))).length, 0);
      const bytes = bytesOf(100_000, 'long digest');
      const long = { ...describeBytes(bytes), digest: digestOf(bytes, 'sha512') };
      await fill(await store.ingest(long), bytes);
      assert.deepEqual(await store.read(long.digest, 100_000), bytes);
    });

    check('refuses wrong content and starts clean after it', async (store) => {
      const bytes = bytesOf(100_000, 'right');
      const blob = describeBytes(bytes);
      const ingest = await store.ingest(blob);
      const wrong = Buffer.from(bytes);
      wrong[99_999] = 1 + (wrong[99_999] ?? 0);
      await assert.rejects(fill(ingest, wrong), failsWith('ERR_DIGEST_MISMATCH', blob.digest));
      assert.equal(await store.has(blob), false);
      assert.equal(await store.partialBytes(blob.digest), 0);
      const again = await store.ingest(blob);
      assert.equal(again?.resumedBytes, 0);
      await fill(again, bytes);
      assert.equal(await store.has(blob), true);
    });

    check('refuses too many bytes, too few, and writes after the end', async (store) => {
      const bytes = bytesOf(1000, 'few');
      const blob = describeBytes(bytes);
      const ingest = await store.ingest(blob);
      assert.ok(ingest);
      const write = async (at: number, chunk: Uint8Array): Promise<void> => ingest.write(at, chunk);
      await assert.rejects(write(900, bytes.subarray(0, 101)), failsWith('ERR_BLOB_TOO_LONG'));
      await assert.rejects(write(-1, bytes.subarray(0, 1)), failsWith('ERR_BLOB_TOO_LONG'));
      await write(0, bytes.subarray(0, 999));
      await assert.rejects(ingest.commit(), failsWith('ERR_BLOB_INCOMPLETE', '999 of 1000'));
      await write(999, bytes.subarray(999));
      await ingest.commit();
      await assert.rejects(write(0, bytes), failsWith('ERR_INGEST_CLOSED'));
      await ingest.release();
      await ingest.discard();
      assert.equal(await store.has(blob), true);
    });

    check(
      'goes on from what a released ingest has left, also in a new process',
      async (store, place) => {
        const bytes = bytesOf(3_000_000, 'resume');
        const blob = describeBytes(bytes);
        const first = await store.ingest(blob);
        await first?.write(0, bytes.subarray(0, 1_000_000));
        await first?.write(2_000_000, bytes.subarray(2_000_000, 2_500_000));
        await first?.release();
        await first?.release();
        assert.equal(await store.partialBytes(blob.digest), 1_500_000);
        await store.close();
        const later = await place.open();
        assert.equal(await later.partialBytes(blob.digest), 1_500_000);
        const second = await later.ingest(blob);
        assert.equal(second?.resumedBytes, 1_500_000);
        assert.deepEqual(second?.missing(), [
          { start: 1_000_000, end: 2_000_000 },
          { start: 2_500_000, end: 3_000_000 },
        ]);
        await fill(second, bytes);
        assert.deepEqual(await collect(await later.open(blob.digest)), bytes);
        assert.equal(await later.partialBytes(blob.digest), 0);
        await later.close();
      },
    );

    check('throws away what a discarded ingest had', async (store) => {
      const bytes = bytesOf(2_000_000, 'discard');
      const blob = describeBytes(bytes);
      const first = await store.ingest(blob);
      await first?.write(0, bytes.subarray(0, 1_500_000));
      await first?.discard();
      assert.equal(await store.partialBytes(blob.digest), 0);
      const second = await store.ingest(blob);
      assert.equal(second?.resumedBytes, 0);
      await second?.release();
    });

    check('lets one writer at a time have a blob; the others wait for it', async (store) => {
      const bytes = bytesOf(200_000, 'one at a time');
      const blob = describeBytes(bytes);
      const first = await store.ingest(blob);
      const holders: string[] = [];
      const waiting = store.ingest(blob, { onWait: (holder) => holders.push(holder) });
      await first?.write(0, bytes.subarray(0, 100_000));
      await fill(first, bytes);
      assert.equal(await waiting, undefined);
      assert.ok(holders.length <= 1);
      assert.equal(await store.has(blob), true);
    });

    check('gives a waiting writer what the one before it has let go of', async (store) => {
      const bytes = bytesOf(2_000_000, 'hand over');
      const blob = describeBytes(bytes);
      const first = await store.ingest(blob);
      let waits = 0;
      const waiting = store.ingest(blob, { onWait: () => (waits += 1) });
      await first?.write(0, bytes.subarray(0, 1_200_000));
      await first?.release();
      const second = await waiting;
      assert.ok(waits <= 1);
      assert.equal(second?.resumedBytes, 1_200_000);
      await fill(second, bytes);
      assert.equal(await store.has(blob), true);
    });

    check('stops waiting when told to', async (store) => {
      const blob = describeBytes(bytesOf(1000, 'stop'));
      const first = await store.ingest(blob);
      const stop = new AbortController();
      const onWait = (): void => stop.abort(new Error('enough'));
      await assert.rejects(store.ingest(blob, { signal: stop.signal, onWait }), /enough/);
      await first?.release();
    });

    check('takes uploads whose digest comes last', async (store) => {
      const bytes = bytesOf(150_000, 'upload');
      const blob = describeBytes(bytes);
      const upload = await store.upload();
      assert.equal(upload.offset, 0);
      await upload.write(bytes.subarray(0, 100_000));
      assert.equal(upload.offset, 100_000);
      await upload.write(bytes.subarray(100_000));
      assert.deepEqual(await upload.commit(blob.digest), { digest: blob.digest, size: blob.size });
      assert.deepEqual(await store.read(blob.digest, 1_000_000), bytes);

      const long = await store.upload();
      await long.write(bytes);
      const other = digestOf(bytes, 'sha512');
      assert.deepEqual(await long.commit(other), { digest: other, size: blob.size });

      const wrong = await store.upload();
      await wrong.write(bytes.subarray(1));
      await assert.rejects(wrong.commit(blob.digest), failsWith('ERR_DIGEST_MISMATCH'));
      const given = await store.upload();
      await given.write(bytes);
      await given.abort();
      await given.abort();
      assert.notEqual(given.id, wrong.id);
    });

    check('keeps references by name', async (store, place) => {
      const one = await store.put('text/plain', Buffer.from('one'));
      const two = await store.put('text/plain', Buffer.from('two'));
      const names = [
        'docker.io/library/debian:12',
        'docker.io/library/debian:12-Slim',
        'docker.io/library/debian:12-slim',
        `localhost:5000/${'deep/'.repeat(40)}name@${one.digest}`,
        '[::1]:5000/a__b:c',
        '../../etc/passwd',
      ];
      for (const name of names) await store.setReference(name, one);
      await store.setReference('docker.io/library/debian:12', two);
      assert.deepEqual(await store.getReference('docker.io/library/debian:12'), two);
      assert.deepEqual(await store.getReference('docker.io/library/debian:12-slim'), one);
      assert.equal(await store.getReference('docker.io/library/debian:13'), undefined);
      assert.equal(await store.deleteReference('../../etc/passwd'), true);
      assert.equal(await store.deleteReference('../../etc/passwd'), false);
      assert.equal(await store.touchReference('[::1]:5000/a__b:c'), true);
      assert.equal(await store.touchReference('missing'), false);
      const expected = names.filter((name) => !name.startsWith('..')).sort();
      assert.deepEqual((await store.references()).map(({ name }) => name).sort(), expected);
      for (const bad of ['', 'a\nb', 'x'.repeat(2000)]) {
        await assert.rejects(store.setReference(bad, one), failsWith('ERR_REFERENCE_INVALID'));
      }
      await store.close();
      const later = await place.open();
      assert.deepEqual((await later.references()).map(({ name }) => name).sort(), expected);
      await later.close();
    });

    check('tells how much room there is', async (store) => {
      const { freeBytes, freeInodes } = await store.space();
      assert.ok(freeBytes > 0);
      assert.ok(freeInodes === undefined || freeInodes > 0);
    });

    check('refuses what only claims to be a digest', async (store) => {
      const fake = { digest: 'sha256:../../x', size: 1, mediaType: 'x' };
      // What a caller without types could pass.
      const descriptor = JSON.parse(JSON.stringify(fake));
      await assert.rejects(store.has(descriptor), failsWith('ERR_DIGEST_INVALID'));
      await assert.rejects(store.ingest(descriptor), failsWith('ERR_DIGEST_INVALID'));
      await assert.rejects(store.open(descriptor.digest), failsWith('ERR_DIGEST_INVALID'));
      assert.throws(() => parseDigest(fake.digest), failsWith('ERR_DIGEST_INVALID'));
    });
  });
}
