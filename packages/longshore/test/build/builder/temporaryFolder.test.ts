import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chown,
  lutimes,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { makeTemporaryFolder } from '../../../src/build/builder/temporaryFolder.ts';
import { type HolderIdentity, holderFields, ownIdentity } from '../../../src/holder.ts';

const PREFIX = 'longshore-test-';
const TWO_DAYS_AGO = new Date(Date.now() - 48 * 60 * 60 * 1000);

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'longshore-temporary-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** A folder with credentials in it, as a process that is `holder` would leave it. */
async function leave(name: string, holder?: Partial<HolderIdentity>): Promise<string> {
  const folder = join(parent, PREFIX + name);
  await mkdir(join(folder, 'build-x'), { recursive: true });
  await writeFile(join(folder, 'build-x/auth.json'), '{}');
  if (holder !== undefined) {
    const fields = holderFields({ ...ownIdentity(), ...holder });
    await writeFile(join(folder, 'holder.json'), JSON.stringify(fields));
  }
  return folder;
}

/** What is still there once another folder was made. */
async function left(): Promise<readonly string[]> {
  const folder = await makeTemporaryFolder(parent, PREFIX);
  await rm(folder, { recursive: true });
  const names = await readdir(parent);
  return names.map((name) => name.replace(PREFIX, '')).sort();
}

/** The number of a process that has just ended. */
function endedPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('folders of killed processes', {
  skip: process.platform !== 'linux' && 'no /proc',
}, () => {
  it('are removed when the next one is made, and those of living ones are not', async () => {
    await leave('dead', { pid: endedPid() });
    await leave('number-used-again', { startedAt: '1' });
    await leave('alive', {});
    await leave('other-host', { host: 'node17', bootId: 'theirs', pid: endedPid() });
    await leave('other-container', { pidNamespace: 'pid:[1]', pid: endedPid() });
    await leave('before-it-said', undefined);
    await mkdir(join(parent, 'somebody-elses'));
    assert.deepEqual(await left(), [
      'alive',
      'before-it-said',
      'other-container',
      'other-host',
      'somebody-elses',
    ]);
  });

  it('are removed after a day where nothing proves that they have ended', async () => {
    const folders = [
      await leave('before-it-said', undefined),
      await leave('before-a-restart', { bootId: 'earlier' }),
      await leave('alive', {}),
      await leave('other-host', { host: 'node17', bootId: 'theirs' }),
    ];
    assert.equal((await left()).length, 4);
    for (const folder of folders) await utimes(folder, TWO_DAYS_AGO, TWO_DAYS_AGO);
    assert.deepEqual(await left(), ['alive', 'other-host']);
  });

  it('are not looked for through links', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'longshore-elsewhere-'));
    try {
      const fields = holderFields({ ...ownIdentity(), pid: endedPid() });
      await writeFile(join(elsewhere, 'holder.json'), JSON.stringify(fields));
      await symlink(elsewhere, join(parent, `${PREFIX}link`));
      await lutimes(join(parent, `${PREFIX}link`), TWO_DAYS_AGO, TWO_DAYS_AGO);
      await symlink(elsewhere, join(await leave('dead', { pid: endedPid() }), 'inner'));
      assert.deepEqual(await left(), ['link']);
      assert.deepEqual(await readdir(elsewhere), ['holder.json']);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it('are left alone when they are of another user', {
    skip: process.getuid?.() !== 0 && 'only root can give a folder away',
  }, async () => {
    await chown(await leave('theirs', { pid: endedPid() }), 65_534, 65_534);
    assert.deepEqual(await left(), ['theirs']);
  });
});
