import assert from 'node:assert/strict';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readSpace } from '../../src/store/index.ts';
import { parseLfsQuota, parseQuota, readQuota } from '../../src/store/quota.ts';
import { writeProgram } from './support.ts';

let home: string;
before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'longshore-quota-')));
});
after(() => rm(home, { recursive: true, force: true }));

/** As quota-tools 4.06 prints it with `-u -g -w -p --show-mntpoint --hide-device`. */
const QUOTA = `Disk quotas for user ada (uid 1001): 
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
              /    4000       0       0       0      10       0       0       0
          /home  100000  200000  250000       0     345     400     500       0
    /home/group  900000*  800000 1000000 1764150000     12       0       0       0
Disk quotas for group hpc (gid 1002): 
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
    /home/group  900000       0 9000000       0      12       0      20       0
`;

describe('what quota says', () => {
  it('is read for the file system that holds the path', () => {
    assert.deepEqual(parseQuota(QUOTA, '/home/ada/images'), [{ bytes: 102_400_000, inodes: 55 }]);
    assert.deepEqual(parseQuota(QUOTA, '/home'), [{ bytes: 102_400_000, inodes: 55 }]);
    assert.deepEqual(parseQuota(QUOTA, '/homes'), [{ bytes: undefined, inodes: undefined }]);
  });

  it('counts soft limits, those that are passed, and both of user and group', () => {
    assert.deepEqual(parseQuota(QUOTA, '/home/group/x'), [
      { bytes: 0, inodes: undefined },
      { bytes: 8_100_000 * 1024, inodes: 8 },
    ]);
  });

  it('is nothing where it is not understood', () => {
    for (const text of [
      '',
      'quota: error while getting quota from /dev/x for ada: Permission denied',
      'Disk quotas for user ada (uid 1001): none',
      '/home 1G 2G 3G 0 1 2 3 0',
      '/home 1 2 3 0 1 2 3',
      '/home 1 2 3 0 1 2 3 0 extra',
      '/home -1 2 3 0 1 2 3 0',
    ]) {
      assert.deepEqual(parseQuota(text, '/home/x'), [], text);
      assert.deepEqual(parseLfsQuota(text), [], text);
    }
  });
});

it('what lfs quota says is one line, or two for a long path', () => {
  const left = { bytes: (309_200 - 12_345) * 1024, inodes: 1000 };
  const columns = '12345       0  309200       -      25     0    1025       -';
  assert.deepEqual(parseLfsQuota(`     /mnt/lustre   ${columns}\n`), [left]);
  assert.deepEqual(parseLfsQuota(`/lustre/a/very/long/path\n      ${columns}\n`), [left]);
  assert.deepEqual(parseLfsQuota(`/mnt/lustre ${columns}\n/mnt/other ${columns}\n`), []);
  assert.deepEqual(parseLfsQuota('/l [1] 0 10 - 1 0 10 -'), []);
});

async function fake(program: string, script: string): Promise<string> {
  const folder = await mkdtemp(join(home, 'bin-'));
  await writeProgram(folder, program, script);
  return folder;
}

describe('room on a disk', () => {
  it('has what quotas leave, asked for by the program that is there', async () => {
    const row = `echo "${home} 100 0 300 0 5 0 25 0"`;
    // It ends with 1 for who is over a limit somewhere.
    const space = await readSpace(
      join(home, 'not/yet/there'),
      await fake('quota', `${row}; exit 1`),
    );
    assert.deepEqual(space?.quota, { bytes: 204_800, inodes: 20 });
    assert.ok((space?.freeBytes ?? 0) > 0);
    const lfs = await fake('lfs', `[ "$1 $2" = "quota -q" ] && ${row}`);
    const about = { fileSystemType: 0x0bd00bd0, group: 7, searchPath: lfs };
    assert.deepEqual(await readQuota(home, about), { bytes: 204_800, inodes: 20 });
  });

  it('is told without quotas where nobody knows them', async () => {
    for (const searchPath of ['/nonexistent', await fake('quota', 'exit 3'), 'relative']) {
      const space = await readSpace(home, searchPath);
      assert.deepEqual(space?.quota, { bytes: undefined, inodes: undefined });
    }
  });
});
