import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openHostMemory } from '../../src/transfer/index.ts';

const DAY_MS = 24 * 3600 * 1000;

test('what a run noticed is forgotten after a day, what an experiment found when it says', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'longshore-memory-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'hosts.json');
  const memory = await openHostMemory(file, () => DAY_MS);
  await memory.remember([['noticed', { width: 4, bytesPerSecond: 1 }]]);
  await memory.remember([['found', { width: 8, bytesPerSecond: 2 }]], 30 * DAY_MS);

  const widths = async (day: number): Promise<(number | undefined)[]> => {
    const later = await openHostMemory(file, () => day * DAY_MS);
    return ['noticed', 'found'].map((host) => later.recall(host)?.width);
  };
  assert.deepEqual(await widths(1.9), [4, 8]);
  assert.deepEqual(await widths(2.1), [undefined, 8]);
  assert.deepEqual(await widths(31.1), [undefined, undefined]);
});
