import assert from 'node:assert/strict';
import { type FileHandle, mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { WriteBehind } from '../../src/export/writeBehind.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-behind-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** How often this process has the file open. */
async function handles(path: string): Promise<number> {
  const found = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return found.filter((target) => target === path).length;
}

test('a growing file is handed to the disk, and let go of at the end', async (t) => {
  const path = join(folder, 'growing');
  await using file = await open(path, 'w');
  const prototype: FileHandle = Object.getPrototypeOf(file);
  const datasync = t.mock.method(prototype, 'datasync');
  const behind = new WriteBehind(path);
  await file.truncate(40 * 1024 * 1024);
  for (let i = 0; i < 50 && datasync.mock.callCount() === 0; i++) await wait(50);
  assert.equal(datasync.mock.callCount(), 1);
  await behind.end();
  assert.equal(await handles(path), 2);
  await behind[Symbol.asyncDispose]();
  assert.equal(await handles(path), 1);
});

test('a file that never comes is nobody’s error', async () => {
  const behind = new WriteBehind(join(folder, 'missing'));
  await wait(500);
  await behind.end();
  await behind[Symbol.asyncDispose]();
});

test('what the disk says in the meantime is said at the end, for it says so once', async (t) => {
  const path = join(folder, 'failing');
  await using file = await open(path, 'w');
  const prototype: FileHandle = Object.getPrototypeOf(file);
  const failing = t.mock.method(prototype, 'datasync', async () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  });
  await using behind = new WriteBehind(path);
  await file.truncate(40 * 1024 * 1024);
  for (let i = 0; i < 50 && failing.mock.callCount() === 0; i++) await wait(50);
  await assert.rejects(behind.end(), { code: 'EIO' });
});
