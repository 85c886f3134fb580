import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { makeFolders } from '../src/fileSystem.ts';

describe('folders and those above them', async () => {
  const root = await mkdtemp(join(tmpdir(), 'longshore-folders-'));
  after(() => rm(root, { recursive: true }));

  test('what is missing is made, and the first of it told', async () => {
    const path = join(root, 'a/b/c');
    assert.equal(await makeFolders(path), join(root, 'a'));
    assert.equal(await makeFolders(path), undefined);
    assert.equal(await makeFolders(join(path, 'd')), join(path, 'd'));
  });

  test('all of them get the mode', async () => {
    await makeFolders(join(root, 'secret/deeper'), 0o700);
    for (const path of ['secret', 'secret/deeper']) {
      assert.equal((await stat(join(root, path))).mode & 0o777, 0o700, path);
    }
  });

  test('many at once make one tree', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, i) => makeFolders(join(root, 'many/deep', String(i)))),
    );
    assert.ok(made.every((first) => first !== undefined));
    assert.ok(existsSync(join(root, 'many/deep/7')));
  });

  test('a link to a folder is one; a file, and a link that leads nowhere, are none', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    assert.equal(await makeFolders(join(root, 'link')), undefined);
    await writeFile(join(root, 'file'), '');
    await assert.rejects(makeFolders(join(root, 'file')), { code: 'EEXIST' });
    await assert.rejects(makeFolders(join(root, 'file/below')), { code: 'ENOTDIR' });
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    await assert.rejects(makeFolders(join(root, 'dangling')), { code: 'EEXIST' });
    await assert.rejects(makeFolders(join(root, 'dangling/below')), { code: 'EEXIST' });
  });

  test('where nothing can be made it ends', { skip: !existsSync('/proc/self') }, async () => {
    for (const path of ['/proc/nope', '/proc/nope/deeper/still']) {
      await assert.rejects(makeFolders(path), { code: 'ENOENT' }, path);
    }
  });
});
