import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HolderIdentity, isProvablyDead, ownIdentity } from '../../src/holder.ts';
import { PLAIN_MODES } from '../../src/store/files.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/index.ts';
import { digestKey, layoutOf } from '../../src/store/layout.ts';
import { LeaseKeeper } from '../../src/store/leaseKeeper.ts';
import {
  formatLeaseHead,
  formatLeasePulse,
  LeaseWatch,
  parseLease,
} from '../../src/store/leaseRecord.ts';
import {
  bytesOf,
  collect,
  describeBytes,
  failsWith,
  fill,
  makeFolder,
  randomDigest,
} from './support.ts';

const TIMEOUT = { timeout: 30_000 };
const ELSEWHERE: HolderIdentity = {
  host: 'node17',
  pid: 4711,
  startedAt: '1',
  bootId: 'theirs',
  pidNamespace: 'pid:[1]',
};

function fastKeeper(path: string, identity = ownIdentity()): LeaseKeeper {
  return new LeaseKeeper({
    layout: layoutOf(path),
    modes: PLAIN_MODES,
    identity,
    timing: { heartbeatMs: 20, staleMs: 200 },
    clock: () => performance.now(),
  });
}

test('a holder is dead only when it is certain', () => {
  const own = { ...ELSEWHERE, pid: 1 };
  const gone = (): { running: false } => ({ running: false });
  const runs =
    (startedAt: string | undefined) => (): { running: true; startedAt: string | undefined } => ({
      running: true,
      startedAt,
    });
  assert.equal(isProvablyDead(ELSEWHERE, own, gone), true);
  assert.equal(isProvablyDead(ELSEWHERE, own, runs('2')), true, 'its number is used again');
  assert.equal(isProvablyDead(ELSEWHERE, own, runs('1')), false);
  assert.equal(isProvablyDead(ELSEWHERE, own, runs(undefined)), false, 'hidden /proc');
  for (const other of [{ bootId: 'x' }, { bootId: undefined }, { pidNamespace: 'pid:[2]' }]) {
    assert.equal(isProvablyDead(ELSEWHERE, { ...own, ...other }, gone), false);
    assert.equal(isProvablyDead({ ...ELSEWHERE, ...other }, own, gone), false);
  }
  const unknown = { ...ELSEWHERE, bootId: undefined, pidNamespace: undefined };
  assert.equal(isProvablyDead(unknown, unknown, gone), false);
});

test('a lease file reads back, and a torn one is not a lease', () => {
  const token = '0123456789abcdef';
  const text = formatLeaseHead(token, ELSEWHERE) + formatLeasePulse('free', 7);
  assert.deepEqual(parseLease(text), { token, holder: ELSEWHERE, free: true, beat: 7 });
  fc.assert(
    fc.property(fc.nat(text.length - 1), (cut) => {
      assert.equal(parseLease(text.slice(0, cut)), undefined);
    }),
  );
  fc.assert(fc.property(fc.string(), (junk) => parseLease(junk) === undefined));
});

test('silence counts only while the observer looks', () => {
  const watch = new LeaseWatch(3000);
  assert.equal(watch.isSilent('a', 0), false);
  assert.equal(watch.isSilent('a', 500), false);
  // The observer was stopped for an hour.
  assert.equal(watch.isSilent('a', 3_600_000), false);
  assert.equal(watch.isSilent('a', 3_601_000), false);
  assert.equal(watch.isSilent('b', 3_602_000), false, 'a heartbeat starts it anew');
  for (let now = 3_602_000; now < 3_605_000; now += 500)
    assert.equal(watch.isSilent('b', now), false);
  assert.equal(watch.isSilent('b', 3_605_000), true);
});

test('of many that want a lease one gets it, whatever state it is in', TIMEOUT, async () => {
  await using folder = await makeFolder();
  await (await openStore(folder.path)).close();
  const dead = { ...ownIdentity(), pid: 2 ** 22 + 5 };
  for (let round = 0; round < 40; round += 1) {
    const digest = randomDigest();
    if (round % 4 === 1) await fastKeeper(folder.path, dead).attempt(digest, new LeaseWatch(1e9));
    if (round % 4 === 2) {
      const { lease } = await fastKeeper(folder.path).attempt(digest, new LeaseWatch(1e9));
      await lease?.free();
    }
    const silent =
      round % 4 === 3 ? await writeLease(folder.path, digestKey(digest), 5, 'held') : undefined;
    const tries = Array.from({ length: 12 }, () =>
      fastKeeper(folder.path).attempt(digest, watchOf(silent)),
    );
    const got = (await Promise.all(tries)).filter(({ lease }) => lease !== undefined);
    assert.ok(got.length <= 1, `round ${round}: ${got.length} hold it`);
    for (const { lease } of got) assert.equal(await lease?.confirm(), true);
    for (const { lease } of got) await lease?.remove();
  }
});

/** Has seen this lease silent for long enough, and no other: who comes late finds a fresh one. */
function watchOf(path: string | undefined): LeaseWatch {
  if (path === undefined) return new LeaseWatch(1e9);
  const watch = new LeaseWatch(1);
  watch.isSilent(`${basename(path)} ${readFileSync(path, 'utf8')}`, performance.now() - 50);
  return watch;
}

async function writeLease(
  path: string,
  key: string,
  generation: number,
  state: 'held' | 'free',
  holder = ELSEWHERE,
): Promise<string> {
  const token = 'aaaaaaaaaaaaaaaa';
  const folder = join(path, 'leases', key);
  await mkdir(folder, { recursive: true });
  const file = join(folder, String(generation));
  await writeFile(file, formatLeaseHead(token, holder) + formatLeasePulse(state, 0));
  return file;
}

test('a lease has one holder at any time, over many hand-overs', TIMEOUT, async () => {
  await using folder = await makeFolder();
  await (await openStore(folder.path)).close();
  const digest = randomDigest();
  let holders = 0;
  let turns = 0;
  const worker = async (i: number): Promise<void> => {
    const keeper = fastKeeper(folder.path);
    for (let turn = 0; turn < 15; ) {
      const { lease } = await keeper.attempt(digest, new LeaseWatch(1e9));
      if (lease === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      holders += 1;
      assert.equal(holders, 1);
      await new Promise((resolve) => setImmediate(resolve));
      // A commit of somebody else may have begun the numbers anew meanwhile; then it says so.
      assert.equal(holders, 1);
      holders -= 1;
      if ((turn + i) % 3 === 0) await lease.remove();
      else await lease.free();
      turn += 1;
      turns += 1;
    }
  };
  await Promise.all([0, 1, 2, 3].map(worker));
  assert.equal(turns, 60);
});

const FAST: StoreOptions = { heartbeatMs: 20, leaseStaleMs: 300 };

test(
  'a holder elsewhere is taken over once it is silent, and cannot do harm later',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const bytes = bytesOf(2_000_000, 'silent');
    const blob = describeBytes(bytes);
    let stopped = false;
    let pausedAt = 0;
    // Its clock and its heartbeats stand still, as under SIGSTOP or in a virtual machine that is moved.
    const clock = (): number => (stopped ? pausedAt : performance.now());
    const identity = { ...ELSEWHERE, bootId: ownIdentity().bootId };
    const theirs = await openStore(folder.path, {
      ...FAST,
      identity,
      clock,
      heartbeatMs: 1e6,
      leaseStaleMs: 1e6,
    });
    const old = await theirs.ingest(blob);
    assert.ok(old);
    await old.write(0, bytes.subarray(0, 1_200_000));
    pausedAt = performance.now();
    stopped = true;

    const ours = await openStore(folder.path, FAST);
    const seen: string[] = [];
    const progress: number[] = [];
    const startedAt = performance.now();
    const next = await ours.ingest(blob, {
      onWait: (holder) => seen.push(holder),
      onWaitProgress: (done) => progress.push(done),
    });
    assert.ok(performance.now() - startedAt >= 300);
    assert.deepEqual(seen, ['process 4711 on node17']);
    assert.ok(progress.includes(1_200_000), progress.join());
    assert.equal(next?.resumedBytes, 1_200_000);

    // It wakes up and writes rubbish where the new holder goes on.
    const rubbish = Buffer.alloc(800_000, 1);
    try {
      await old.write(1_200_000, rubbish);
    } catch (error) {
      failsWith('ERR_LEASE_LOST')(error);
    }
    await next?.write(1_200_000, bytes.subarray(1_200_000, 1_500_000));
    await assert.rejects(old.commit(), (error) => failsWith('ERR_DIGEST_MISMATCH')(error));
    await fill(next, bytes);
    assert.deepEqual(await collect(await ours.open(blob.digest)), bytes);
    await ours.close();
    await theirs.close();
  },
);

test(
  'a holder that wakes up with a good blob still may not publish it over another',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const bytes = bytesOf(300_000, 'woken');
    const blob = describeBytes(bytes);
    const theirs = await openStore(folder.path, {
      identity: ELSEWHERE,
      heartbeatMs: 1e6,
      leaseStaleMs: 1e6,
    });
    const old = await theirs.ingest(blob);
    await old?.write(0, bytes);
    const ours = await openStore(folder.path, FAST);
    const next = await ours.ingest(blob);
    await assert.rejects(async () => old?.commit(), failsWith('ERR_LEASE_LOST'));
    assert.equal(old?.signal.aborted, true);
    await old?.release();
    await fill(next, bytes);
    assert.equal(await ours.has(blob), true);
    await ours.close();
    await theirs.close();
  },
);

async function onlyLease(path: string): Promise<string> {
  const names = await readdir(join(path, 'leases'));
  return names.find((name) => name.startsWith('sha256-')) ?? assert.fail('no lease');
}

test('a process that was stopped for long asks before it writes on', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(100_000, 'asks');
  const blob = describeBytes(bytes);
  let skippedMs = 0;
  const clock = (): number => performance.now() + skippedMs;
  const store = await openStore(folder.path, { clock, heartbeatMs: 1e6 });
  const ingest = await store.ingest(blob);
  assert.ok(ingest);
  assert.equal(ingest.write(0, bytes.subarray(0, 1000)), undefined);
  skippedMs += 20_000;
  const asked = ingest.write(1000, bytes.subarray(1000, 2000));
  assert.ok(asked instanceof Promise, 'it is still its own: written, after asking');
  await asked;
  assert.equal(ingest.write(2000, bytes.subarray(2000, 3000)), undefined);
  const key = await onlyLease(folder.path);
  await writeLease(folder.path, key, 2, 'held');
  skippedMs += 20_000;
  await assert.rejects(
    async () => ingest.write(3000, bytes.subarray(3000)),
    failsWith('ERR_LEASE_LOST'),
  );
  assert.equal(ingest.signal.aborted, true);
  await assert.rejects(
    async () => ingest.write(3000, bytes.subarray(3000)),
    failsWith('ERR_LEASE_LOST'),
  );
  await store.close();
});

test('losing the lease is noticed by the heartbeat alone', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const store = await openStore(folder.path, FAST);
  const ingest = await store.ingest(describeBytes(bytesOf(1000, 'noticed')));
  const key = await onlyLease(folder.path);
  const aborted = new Promise<void>((resolve) => {
    ingest?.signal.addEventListener('abort', () => resolve());
  });
  await rm(join(folder.path, 'leases', key), { recursive: true });
  await aborted;
  await store.close();
});

test('heartbeats keep a slow holder its lease', TIMEOUT, async () => {
  await using folder = await makeFolder();
  const bytes = bytesOf(1000, 'slow');
  const blob = describeBytes(bytes);
  const theirs = await openStore(folder.path, { ...FAST, identity: ELSEWHERE });
  const slow = await theirs.ingest(blob);
  const ours = await openStore(folder.path, FAST);
  const waiting = ours.ingest(blob);
  await new Promise((resolve) => setTimeout(resolve, 900));
  assert.equal(slow?.signal.aborted, false);
  await fill(slow, bytes);
  assert.equal(await waiting, undefined);
  assert.deepEqual(await leftInLeases(theirs, ours), []);
});

async function leftInLeases(...stores: Store[]): Promise<string[]> {
  for (const store of stores) await store.close();
  return readdir(join(stores[0]?.path ?? '', 'leases'));
}

test(
  'a lease that was cut off while it was written is taken over in the end',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const bytes = bytesOf(1000, 'torn');
    const blob = describeBytes(bytes);
    const store = await openStore(folder.path, FAST);
    const file = await writeLease(folder.path, digestKey(blob.digest), 3, 'held');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 40));
    await fill(await store.ingest(blob), bytes);
    assert.equal(await store.has(blob), true);
    assert.deepEqual(await leftInLeases(store), []);
  },
);

test(
  'whoever waits goes on waiting where it cannot see how far the other one is',
  TIMEOUT,
  async () => {
    await using folder = await makeFolder();
    const bytes = bytesOf(100_000, 'unseen');
    const blob = describeBytes(bytes);
    const theirs = await openStore(folder.path, { ...FAST, identity: ELSEWHERE });
    const ours = await openStore(folder.path, FAST);
    const held = await theirs.ingest(blob);
    // As to another user's process, in the moment before the folder is opened to the group.
    const home = join(layoutOf(folder.path).ingest, digestKey(blob.digest));
    await rename(home, `${folder.path}/aside`);
    await writeFile(home, 'no folder');
    const looked = Promise.withResolvers<number>();
    const waiting = ours.ingest(blob, { onWaitProgress: looked.resolve });
    assert.equal(await Promise.race([looked.promise, waiting]), 0);
    assert.equal(await ours.partialBytes(blob.digest), 0);
    await rm(home);
    await rename(`${folder.path}/aside`, home);
    await fill(held, bytes);
    assert.equal(await waiting, undefined);
    assert.deepEqual(await leftInLeases(theirs, ours), []);
  },
);
