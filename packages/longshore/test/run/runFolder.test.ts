import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findRun, listRuns } from '../../src/run/index.ts';

const OWN = '20261126-101500-0a0b';
const NEWER = '20261126-111500-0c0d';
const isRoot = process.getuid?.() === 0;

describe('the runs of a store', () => {
  let store: string;
  before(async () => {
    store = await mkdtemp(join(tmpdir(), 'longshore-runs-'));
    await mkdir(join(store, 'runs', OWN), { recursive: true });
  });
  after(() => rm(store, { recursive: true, force: true }));

  it('are folders named by their time', async () => {
    await mkdir(join(store, 'runs', 'notes'));
    await symlink(join(store, 'runs', OWN), join(store, 'runs', NEWER));
    assert.deepEqual(await listRuns(store), [OWN]);
    await rm(join(store, 'runs', NEWER));
  });

  it('do not count where they are somebody else’s', { skip: !isRoot && 'needs root' }, async () => {
    await mkdir(join(store, 'runs', NEWER));
    assert.equal(await findRun(store, undefined), NEWER);
    await chown(join(store, 'runs', NEWER), 12345, 12345);
    assert.equal(await findRun(store, undefined), OWN);
    await assert.rejects(findRun(store, NEWER), { code: 'ERR_RUN_NOT_FOUND' });
  });

  it('are none where no run was started', async () => {
    assert.deepEqual(await listRuns(join(store, 'elsewhere')), []);
  });
});
