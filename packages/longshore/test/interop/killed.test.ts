// A puller that is killed at any moment: nothing half-written looks complete, little is lost.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AccessLine, startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { writeLayerImage } from './support/layerImage.ts';
import { longshoreAt } from './support/longshore.ts';
import { startNginx } from './support/nginx.ts';
import { skipWithout } from './support/programs.ts';
import { randomFrom } from './support/random.ts';
import { copyWithSkopeo, inspectWithSkopeo, verifyBlobs } from './support/readBack.ts';

const KILLS = 12;
const WORKERS = 4;
const MIB = 2 ** 20;
const NAME = 'team/big:v1';
const LAYERS = Array.from({ length: 8 }, (_, index) => (index + 4) * MIB);
/** The whole pull takes some 25 s then: longer than all the lives of the killed ones together. */
const BYTES_PER_SECOND = 600_000;
const LONGEST_MOVE_MS = 1400;
/** Every so often it is killed while it still starts, plans or takes up what was left. */
const EARLY_KILLS = 4;
const LONGEST_START_MS = 1000;

test('kill -9 at random moments, again and again, then complete and equal', {
  timeout: 180_000,
  skip: skipWithout('docker-registry', 'skopeo', 'nginx'),
}, async (context) => {
  const seed = process.env['LONGSHORE_TEST_SEED'] ?? String(Date.now() % 1_000_000);
  const random = randomFrom(Number(seed));
  context.diagnostic(`seed ${seed}; LONGSHORE_TEST_SEED repeats it`);
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  const image = await writeLayerImage(join(folder.path, 'image'), LAYERS);
  await copyWithSkopeo(`oci:${image.path}:${image.name}`, `docker://${registry.host}/${NAME}`);
  await using slow = await startNginx({
    upstream: registry.host,
    bytesPerSecondPerConnection: BYTES_PER_SECOND,
  });
  await using fast = await startNginx({ upstream: registry.host });
  const longshore = longshoreAt(folder.path);
  const store = join(folder.path, 'store');
  const flags = ['--store', store, '--workers', String(WORKERS)];

  const unique = image.layers.reduce((sum, { size }) => sum + size, 0);
  let lost = 0;
  let worst = 0;
  let sent = 0;
  let killsSincePlan = 0;
  const account = (said: string, sentByNow: number): void => {
    const planned = readPlan(said);
    if (planned !== undefined) {
      const lostByNow = sent - (planned.resumableBytes + planned.presentBytes);
      const lostSincePlan = lostByNow - lost;
      if (killsSincePlan > 0) {
        worst = Math.max(worst, lostSincePlan / (killsSincePlan * WORKERS));
      }
      lost = lostByNow;
      killsSincePlan = 0;
    }
    sent = sentByNow;
    killsSincePlan += 1;
  };

  for (let kill = 1; kill <= KILLS; kill += 1) {
    const moment =
      kill % EARLY_KILLS === 0
        ? { said: '', thenMs: random() * LONGEST_START_MS }
        : { said: 'blob.started', thenMs: random() * LONGEST_MOVE_MS };
    const reference = `${slow.host}/${NAME}`;
    const said = await longshore.kill(moment, 'pull', reference, '--progress', 'json', ...flags);
    account(said, sumBodies(await slow.accessLog()));
    await assertNothingHalfWritten(store);
  }
  assert.ok(sent > 4 * MIB, `only ${sent} bytes were under way when it was killed`);

  const last = await longshore.run('pull', `${fast.host}/${NAME}`, '--progress', 'json', ...flags);
  assert.equal(last.status, 0, last.stderr);
  account(last.stderr, sent);
  const wanted = await inspectWithSkopeo(`docker://${registry.host}/${NAME}`);
  assert.deepEqual(await inspectWithSkopeo(`oci:${store}:${fast.host}/${NAME}`, []), wanted);
  await verifyBlobs(store);

  const again = sent + sumBodies(await fast.accessLog()) - unique;
  context.diagnostic(
    `${KILLS} kills: ${again} bytes of ${unique} sent again; at worst ${Math.round(worst)} lost for each open stream`,
  );
  assert.ok(worst > 0 && worst <= MIB, `${Math.round(worst)} bytes for each open stream`);
  assert.ok(again <= KILLS * WORKERS * MIB, `${again} bytes were sent again`);
});

/** What a run found in the store when it planned, by its own event; undefined if it never did. */
function readPlan(said: string): { resumableBytes: number; presentBytes: number } | undefined {
  const line = said.split('\n').find((text) => text.startsWith('{"type":"plan.ready"'));
  return line === undefined
    ? undefined
    : (JSON.parse(line) as { resumableBytes: number; presentBytes: number });
}

/** Every blob is what its name says, and `index.json` is whole, whenever somebody looks. */
async function assertNothingHalfWritten(store: string): Promise<void> {
  let index: string;
  try {
    index = await readFile(join(store, 'index.json'), 'utf8');
  } catch (error) {
    // Killed before the store was laid out.
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    return;
  }
  assert.deepEqual(
    (JSON.parse(index) as { manifests: unknown }).manifests,
    [],
    'no image is there yet',
  );
  await verifyBlobs(store);
}

/** Bytes of layers that were sent; the small bodies of configs are not what resuming is about. */
function sumBodies(log: readonly AccessLine[]): number {
  return log
    .filter(({ method, path }) => method === 'GET' && path.includes('/blobs/sha256:'))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
