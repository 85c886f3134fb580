import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, rm, rmdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findRun, listRuns } from '../../src/run/index.ts';

const OWN = '20261126-101500-0a0b';
const NEWER = '20261126-111500-0c0d';
const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' };

describe('the runs of a store', () => {
  let store: string;
  before(async () => {
    store = await mkdtemp(join(tmpdir(), 'longshore-runs-'));
    await mkdir(join(store, 'runs', OWN), { recursive: true });
  });
  after(() => rm(store, { recursive: true, force: true }));

  it('are folders named by their time', async () => {
    await mkdir(join(store, 'runs', 'notes'));
    assert.deepEqual(await listRuns(store), [OWN]);
  });

  it('count, whoever they belong to, where nobody else may add any', needsRoot, async () => {
    await mkdir(join(store, 'runs', NEWER));
    await chown(join(store, 'runs', NEWER), 12345, 12345);
    assert.equal(await findRun(store, undefined), NEWER);
    await rmdir(join(store, 'runs', NEWER));
  });

  it('of a group are one’s own', needsRoot, async () => {
    const newer = join(store, 'runs', NEWER);
    await chmod(join(store, 'runs'), 0o3775);
    await symlink(join(store, 'runs', OWN), newer);
    assert.equal(await findRun(store, undefined), OWN);
    await rm(newer);
    await mkdir(newer);
    assert.equal(await findRun(store, undefined), NEWER);
    await chmod(newer, 0o2775);
    assert.equal(await findRun(store, undefined), OWN, 'one that others may write to');
    await chmod(newer, 0o755);
    await chown(newer, 12345, 12345);
    assert.equal(await findRun(store, undefined), OWN, 'one of somebody else');
    await assert.rejects(findRun(store, NEWER), { code: 'ERR_RUN_NOT_FOUND' });
  });

  it('are none where no run was started', async () => {
    assert.deepEqual(await listRuns(join(store, 'elsewhere')), []);
    assert.deepEqual(await listRuns(import.meta.filename), []);
  });
});
