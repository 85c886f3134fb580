import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CHECKPOINT_BYTES, SyncPace } from '../../src/store/syncPace.ts';

const MIB = 1024 * 1024;

test('a blob goes to the disk every 16 MiB, and on record every 64', () => {
  const pace = new SyncPace({ size: 200 * MIB, checkpointBytes: CHECKPOINT_BYTES, nowMs: 0 });
  const begun = [];
  for (let mib = 1; mib <= 128; mib += 1) {
    pace.landed(MIB);
    const next = pace.next(mib, true);
    if (next !== undefined) begun.push(`${next} at ${mib}`);
  }
  const firstLap = 'sync at 16, sync at 32, sync at 48, checkpoint at 64';
  assert.equal(
    begun.join(', '),
    `${firstLap}, sync at 80, sync at 96, sync at 112, checkpoint at 128`,
  );
});

test('a disk that is busy gets no more of it before a record is due', () => {
  const pace = new SyncPace({ size: 200 * MIB, checkpointBytes: CHECKPOINT_BYTES, nowMs: 0 });
  pace.landed(63 * MIB);
  assert.equal(pace.next(1, false), undefined);
  assert.equal(pace.next(2, true), 'sync');
  pace.landed(MIB);
  assert.equal(pace.next(3, false), 'checkpoint');
});

test('on a slow link a record comes by time, once it is worth one', () => {
  const pace = new SyncPace({ size: 200 * MIB, checkpointBytes: CHECKPOINT_BYTES, nowMs: 0 });
  pace.landed(3 * MIB);
  assert.equal(pace.next(60_000, true), undefined);
  pace.landed(MIB);
  assert.equal(pace.next(60_000, true), 'checkpoint');
  assert.equal(pace.next(120_000, true), undefined);
});

test('no more than so much is ever without a record, and records stay few', () => {
  const chunks = fc.array(fc.integer({ min: 1, max: 8 * MIB }), { maxLength: 200 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 2 ** 45 }), (sizes, size) => {
      const pace = new SyncPace({ size, checkpointBytes: CHECKPOINT_BYTES, nowMs: 0 });
      const step = Math.max(CHECKPOINT_BYTES, size / 512);
      let unrecorded = 0;
      for (const bytes of sizes) {
        pace.landed(bytes);
        unrecorded += bytes;
        if (pace.next(0, true) === 'checkpoint') {
          assert.ok(unrecorded >= step);
          unrecorded = 0;
        }
        assert.ok(unrecorded < step);
      }
    }),
  );
});
