// `tune push` against Debian's docker-registry: cold runs, and nothing left behind.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { seedImage } from '../../src/serve/index.ts';
import { openStore } from '../../src/store/index.ts';
import { parseResults } from '../../src/tune/index.ts';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { longshoreAt } from './support/longshore.ts';
import { skipWithout } from './support/programs.ts';

test('tune push to docker-registry: every run sends everything, and its tags go again', {
  timeout: 120_000,
  skip: skipWithout('docker-registry'),
}, async () => {
  await using folder = await makeTempFolder('tune-push');
  await using registry = await startDockerRegistry();
  const path = join(folder.path, 'store');
  const store = await openStore(path);
  const layers = [1, 2, 3].map((seed) => ({ size: 400_000, seed }));
  await seedImage(store, { name: 'localhost/app:1', layers });
  await store.close();
  const out = join(folder.path, 'out');
  const options = '--widths 1,3 --blocks 4 --gap 1ms --no-pictures'.split(' ');
  const pair = `localhost/app:1=${registry.host}/team/app:1`;
  const places = ['--store', path, '--out', out];
  await longshoreAt(folder.path).must('tune', 'push', pair, ...places, ...options);
  const { runs } = parseResults(await readFile(join(out, 'results.json'), 'utf8'), 'results.json');
  assert.equal(runs.length, 1 + 4 * 3);
  for (const { state, bytes, left } of runs) {
    assert.ok(state === 'ok' || state === 'warm-up', state);
    assert.ok((bytes ?? 0) > 1_200_000);
    assert.equal(left, undefined);
  }
  const { repositories } = (await (await fetch(`http://${registry.host}/v2/_catalog`)).json()) as {
    repositories: string[];
  };
  assert.ok(!repositories.includes('team/app'));
  for (const name of repositories) {
    const { tags } = (await (
      await fetch(`http://${registry.host}/v2/${name}/tags/list`)
    ).json()) as {
      tags: unknown;
    };
    assert.equal(tags, null, name);
  }
});
