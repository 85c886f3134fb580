import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPlainRenderer, summaryInterval } from '../../../src/cli/render/plain.ts';
import type { Renderer } from '../../../src/cli/render/renderer.ts';
import type { TransferEvent } from '../../../src/transfer/index.ts';
import {
  finished,
  imageDone,
  imageFailed,
  ManualClock,
  output,
  planned,
  progress,
  resolved,
  started,
  testDigest,
} from '../support/events.ts';

function stage(): { clock: ManualClock; renderer: Renderer; log: () => string[] } {
  const clock = new ManualClock();
  let text = '';
  const renderer = createPlainRenderer((chunk) => {
    text += chunk;
  }, clock);
  return { clock, renderer, log: () => text.split('\n').slice(0, -1) };
}

test('a few images: each one told, progress in between', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now()));
  for (const image of [0, 1, 2]) renderer.onEvent(resolved(clock.now(), image));
  renderer.onEvent(planned(clock.now()));
  renderer.onEvent(progress(clock.now()));
  clock.advance(5000);
  renderer.onEvent(imageDone(clock.now(), 0));
  renderer.onEvent(imageFailed(clock.now(), 1));
  renderer.onEvent(finished(clock.now()));
  renderer.close();
  assert.deepEqual(log(), [
    'Pulling 3 images, 4 at once',
    '3 images resolved: 536 MB to fetch in 10 blobs, 200 MB already here, 120 MB shared between images',
    '56%, 301 MB of 536 MB at 112 MB/s, 2s left; 1 of 3 images done',
    `done registry.example/image0:1 ${testDigest(0)} in 3.2 s`,
    'failed registry.example/image1:1: not found (404). Check the name',
    'Pulled 3 images in 4.8 s: 536 MB fetched (112 MB/s), 200 MB already here, 120 MB shared between images',
  ]);
  assert.equal(clock.timers, 0);
});

test('an image that is converted: how far it is, and no more of the download', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now(), 1));
  renderer.onEvent(planned(clock.now(), { images: 1 }));
  const fetched = { doneBytes: 536_000_000, images: { total: 1, done: 0, failed: 0 } };
  renderer.onEvent(progress(clock.now(), fetched));
  renderer.onEvent(output(clock.now()));
  clock.advance(5000);
  renderer.onEvent(output(clock.now(), { doneBytes: 635_000_000 }));
  clock.advance(5000);
  renderer.onEvent(output(clock.now(), { doneBytes: 2_540_000_000 }));
  clock.advance(5000);
  renderer.close();
  assert.deepEqual(log().slice(2), [
    'writing image0:1 0%, 0 B of 2.54 GB; 0 of 1 image done',
    'writing image0:1 25%, 635 MB of 2.54 GB, 15s left; 0 of 1 image done',
    'finishing image0:1; 0 of 1 image done',
  ]);
});

test('a thousand images with thousands of retries are told in a dozen lines', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now(), 1000, 16));
  for (let image = 0; image < 1000; image++) renderer.onEvent(resolved(clock.now(), image));
  renderer.onEvent(planned(clock.now(), { images: 1000, fetchBlobs: 3120 }));
  const retry = (): TransferEvent => ({
    type: 'blob.retry',
    at: clock.now(),
    digest: testDigest('layer'),
    attempt: 1,
    delayMs: 250,
    offset: 100,
    error: { code: 'ERR_NETWORK', message: 'connection reset' },
  });
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i < 33; i++) renderer.onEvent(imageDone(clock.now(), second * 33 + i));
    if (second < 10) for (let i = 0; i < 100; i++) renderer.onEvent(retry());
    renderer.onEvent(
      progress(clock.now(), { images: { total: 1000, done: second * 33, failed: 0 } }),
    );
    clock.advance(1000);
  }
  renderer.onEvent(
    finished(clock.now(), { images: { total: 1000, done: 1000, failed: 0, cancelled: 0 } }),
  );
  const lines = log();
  assert.ok(lines.length <= 14, lines.join('\n'));
  assert.equal(lines.filter((line) => line.startsWith('retrying')).length, 2);
  const heldBack = lines.flatMap((line) => /^and (\d+) more retries$/.exec(line)?.[1] ?? []);
  assert.equal(
    heldBack.reduce((sum, count) => sum + Number(count), 0),
    998,
  );
});

test('a registry that refuses for five minutes is told of ever more rarely, and every time is counted', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now(), 60));
  for (let second = 0; second < 300; second++) {
    renderer.onEvent({
      type: 'registry.throttled',
      at: clock.now(),
      origin: 'https://registry.example:443',
      status: 429,
      retryAfterMs: 1000,
    });
    clock.advance(1000);
  }
  renderer.close();
  const lines = log().filter((line) => line.includes('slow down'));
  const told = lines.filter((line) => line.includes('asks to'));
  assert.ok(told.length <= 9, lines.join('\n'));
  const heldBack = lines.flatMap((line) => /^and (\d+) more requests/.exec(line)?.[1] ?? []);
  assert.equal(
    heldBack.reduce((sum, count) => sum + Number(count), told.length),
    300,
  );
});

test('before the plan the log says how far resolving is; throttling is told', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now(), 400));
  renderer.onEvent(resolved(clock.now(), 0));
  renderer.onEvent({
    type: 'registry.throttled',
    at: clock.now(),
    origin: 'https://registry.example:443',
    status: 429,
    retryAfterMs: 7000,
  });
  clock.advance(5000);
  assert.deepEqual(log().slice(1), [
    'https://registry.example:443 asks to slow down (429) for 7.0 s',
    'Resolving: 1 of 400 images',
  ]);
});

test('summaries grow rarer, from five seconds to half a minute', () => {
  assert.equal(summaryInterval(0), 5000);
  assert.equal(summaryInterval(60_000), 5000);
  assert.equal(summaryInterval(120_000), 10_000);
  assert.equal(summaryInterval(3_600_000), 30_000);
});

test('where nothing could be resolved, no plan is told; one retry is not "retries"', () => {
  const { clock, renderer, log } = stage();
  renderer.onEvent(started(clock.now()));
  const throttled = {
    type: 'registry.throttled',
    at: clock.now(),
    origin: 'https://registry.example:443',
    status: 503,
    retryAfterMs: undefined,
  } as const;
  renderer.onEvent(throttled);
  renderer.onEvent(throttled);
  renderer.onEvent(planned(clock.now(), { images: 0 }));
  renderer.close();
  assert.deepEqual(log().slice(1), [
    'https://registry.example:443 asks to slow down (503)',
    'and 1 more request to slow down',
  ]);
});

test('an interrupted run says what is done', () => {
  const { renderer, log } = stage();
  const images = { total: 3, done: 1, failed: 0, cancelled: 2 };
  renderer.onEvent(finished(0, { outcome: 'cancelled', images, fetchedBytes: 0 }));
  assert.match(log()[0] ?? '', /^Interrupted after 4\.8 s: 1 of 3 images done, 0 B fetched/);
});
