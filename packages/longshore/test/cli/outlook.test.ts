import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forecast } from '../../src/cli/pull/forecast.ts';
import { Outlook } from '../../src/cli/pull/outlook.ts';
import { makeFolder, writeProgram } from '../store/support.ts';

const PLAN = {
  images: 1,
  blobs: 1,
  bytes: 5000,
  sharedBytes: 0,
  presentBytes: 0,
  resumableBytes: 0,
  fetchBlobs: 1,
  fetchBytes: 5000,
  freeDiskBytes: 1e9,
};

async function quotaThat(folder: string): Promise<string> {
  await writeProgram(folder, 'quota', `echo "${folder} 100 0 300 0 5 0 25 0"`);
  return folder;
}

for (const [when, told, known] of [
  ['before', 1, 1],
  ['beside', 1, 1],
  ['late', 0, 0],
] as const) {
  test(`what quotas leave, asked for ${when}, of a run that ends at once`, async () => {
    await using folder = await makeFolder();
    const searchPath = await quotaThat(folder.path);
    const heard: (readonly Forecast[])[] = [];
    const outlook = new Outlook({
      places: { store: folder.path, sinks: [], searchPath },
      when,
      onRead: (forecasts) => heard.push(forecasts),
    });
    await outlook.begin([], PLAN);
    const forecasts = await outlook.end();
    assert.equal(heard.length, told);
    assert.equal(forecasts.length, known);
    if (known === 1) assert.equal(forecasts[0]?.space?.quota.bytes, 204_800);
  });
}

test('a run that goes on hears of it in the middle', async () => {
  await using folder = await makeFolder();
  const heard = Promise.withResolvers<readonly Forecast[]>();
  const outlook = new Outlook({
    places: { store: folder.path, sinks: [], searchPath: await quotaThat(folder.path) },
    when: 'late',
    lateMs: 10,
    onRead: heard.resolve,
  });
  await outlook.begin([], PLAN);
  assert.equal((await heard.promise)[0]?.space?.quota.inodes, 20);
  assert.equal((await outlook.end()).length, 1);
});
