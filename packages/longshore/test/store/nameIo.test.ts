import assert from 'node:assert/strict';
import { readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileSystemName, isLocalFileSystem } from '../../src/fileSystem.ts';
import { BLOCKING_NAMES, namesFor, POOLED_NAMES } from '../../src/store/nameIo.ts';
import { makeFolder } from './support.ts';

const NFS = 0x6969;
const EXT4 = 0xef53;

for (const [name, io] of Object.entries({ pooled: POOLED_NAMES, blocking: BLOCKING_NAMES })) {
  describe(`${name} names`, () => {
    const rejects = (work: () => unknown, code: string): Promise<void> =>
      assert.rejects(async () => work(), { code });

    test('a file is made once, and whole', async () => {
      await using folder = await makeFolder();
      const path = join(folder.path, 'file');
      await io.create(path, 'text\n', 0o640);
      assert.equal(await readFile(path, 'utf8'), 'text\n');
      assert.equal((await stat(path)).mode & 0o777, 0o640);
      await rejects(() => io.create(path, 'other', undefined), 'EEXIST');
      const { size, mtimeMs } = await io.stat(path);
      assert.equal(size, 5);
      assert.ok(Math.abs(mtimeMs - Date.now()) < 60_000);
    });

    test('folders are made, listed and removed', async () => {
      await using folder = await makeFolder();
      const above = join(folder.path, 'a');
      const path = join(above, 'b');
      await rejects(() => io.makeFolder(path), 'ENOENT');
      assert.equal(await io.makeFolders(path), above);
      assert.equal(await io.makeFolders(path), undefined);
      await rejects(() => io.makeFolder(path), 'EEXIST');
      assert.deepEqual(await io.list(above), ['b']);
      await io.setMode(path, 0o750);
      assert.equal((await stat(path)).mode & 0o777, 0o750);
      await rejects(() => io.list(join(above, 'c')), 'ENOENT');
      await rejects(() => io.stat(join(above, 'c')), 'ENOENT');
    });
  });
}

test('names block on local file systems alone', {
  skip: process.platform !== 'linux',
}, async () => {
  assert.equal(fileSystemName(NFS), 'nfs');
  assert.deepEqual([NFS, EXT4, 1].map(isLocalFileSystem), [false, true, false]);
  assert.equal(await namesFor('/proc'), POOLED_NAMES);
  assert.equal(await namesFor('/nowhere/at/all'), POOLED_NAMES);
  await using folder = await makeFolder();
  const isLocal = isLocalFileSystem((await statfs(folder.path)).type);
  assert.equal(await namesFor(folder.path), isLocal ? BLOCKING_NAMES : POOLED_NAMES);
});
