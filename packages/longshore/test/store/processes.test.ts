import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore, pruneStore, verifyStore } from '../../src/store/index.ts';
import { bytesOf, describeBytes, makeFolder } from './support.ts';

const CHILD = fileURLToPath(import.meta.resolve('./pullChild.ts'));
const CHUNK = 65_536;
const MEBIBYTE = 1024 * 1024;

function startChild(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function ends(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  await once(child, 'exit');
  return child.exitCode;
}

/** Fetched ranges a blob, in the order they were fetched. */
async function readLog(log: string): Promise<Map<string, [number, number][]>> {
  const found = new Map<string, [number, number][]>();
  for (const line of (await readFile(log, 'utf8')).trimEnd().split('\n')) {
    const [seed = '', start, end] = line.split(' ');
    found.set(seed, [...(found.get(seed) ?? []), [Number(start), Number(end)]]);
  }
  return found;
}

test('kill -9 at any moment costs at most 1 MiB a stream and never a wrong blob', {
  timeout: 120_000,
}, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'store');
  const log = join(folder.path, 'log');
  const size = 8 * MEBIBYTE;
  const seeds = ['one', 'two', 'three'];
  const args = [path, log, String(CHUNK), String(size), ...seeds];
  let kills = 0;
  for (let runs = 0; kills < 12; runs += 1) {
    assert.ok(runs < 40, 'it makes no progress');
    const child = startChild(args);
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
    const exited = await Promise.race([
      ends(child).then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, Math.random() * 60, false)),
    ]);
    if (exited) break;
    child.kill('SIGKILL');
    await ends(child);
    if (child.signalCode === 'SIGKILL') kills += 1;
  }
  assert.equal(await ends(startChild(args)), 0);
  const store = await openStore(path);
  for (const seed of seeds) assert.equal(await store.has(describeBytes(bytesOf(size, seed))), true);
  assert.deepEqual((await verifyStore(store)).problems, []);
  await store.close();
  // A kill may come between publishing and clearing up; the next prune sees that it is all done.
  await pruneStore(store);
  for (const name of ['ingest', 'leases']) {
    const left = await readdir(join(path, name));
    // Temporary files of the killed go after a day.
    assert.deepEqual(
      left.filter((entry) => !entry.endsWith('.tmp')),
      [],
    );
  }
  for (const [seed, ranges] of await readLog(log)) {
    let high = 0;
    for (const [start, end] of ranges) {
      assert.ok(high - start <= MEBIBYTE, `${seed}: from ${high} back to ${start}`);
      high = Math.max(high, end);
    }
    assert.equal(high, size);
  }
  assert.ok(kills > 0, 'nothing was killed');
});

test('several processes on overlapping blobs fetch each byte once', {
  timeout: 60_000,
}, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'store');
  const log = join(folder.path, 'log');
  const size = 2 * MEBIBYTE + 17;
  const seeds = ['a', 'b', 'c', 'd', 'e', 'f'];
  const children = [seeds, seeds.toReversed(), ['c', 'a', 'f', 'b']].map((order) =>
    startChild([path, log, String(CHUNK), String(size), ...order]),
  );
  assert.deepEqual(await Promise.all(children.map(ends)), [0, 0, 0]);
  for (const [seed, ranges] of await readLog(log)) {
    let at = 0;
    for (const [start, end] of ranges) {
      assert.equal(start, at, `${seed} is fetched once and in order`);
      at = end;
    }
    assert.equal(at, size);
  }
  const store = await openStore(path);
  const result = await verifyStore(store);
  assert.deepEqual([result.blobs, result.problems], [seeds.length, []]);
  await store.close();
  assert.deepEqual(await readdir(join(path, 'leases')), []);
});

test('a killed holder is taken over at once, with what it had', { timeout: 60_000 }, async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'store');
  const log = join(folder.path, 'log');
  const size = 40 * MEBIBYTE;
  // Before the child begins, or it may be done by the time that these bytes are hashed.
  const blob = describeBytes(bytesOf(size, 'held'));
  const store = await openStore(path);
  const child = startChild([path, log, String(CHUNK), String(size), 'held']);
  await once(child.stdout ?? child, 'data');
  while ((await store.partialBytes(blob.digest)) < 4 * MEBIBYTE) {
    assert.equal(child.exitCode, null, 'it should not be done yet');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const waiting = store.ingest(blob, { onWait: () => child.kill('SIGKILL') });
  const ingest = await waiting;
  await ends(child);
  if (ingest !== undefined) assert.ok(ingest.resumedBytes >= 4 * MEBIBYTE);
  await ingest?.discard();
  assert.equal(existsSync(log), true);
  await store.close();
});
