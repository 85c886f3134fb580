import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from '../../src/concurrency/index.ts';
import { Lane } from '../../src/transfer/lane.ts';

/** A lane of a fixed width, by a clock of the test's own. */
function fixedLane() {
  const clock = { ms: 1000 };
  const lane = new Lane(createLimiter({ name: 'test', width: 4 }), undefined, () => clock.ms);
  const opens = (): boolean => {
    const permit = lane.tryAcquire();
    permit?.release();
    return permit !== undefined;
  };
  return { clock, lane, opens };
}

function refuse(
  lane: ReturnType<typeof fixedLane>['lane'],
  retryAfterMs: number | undefined,
): void {
  const request = lane.request();
  request.refused(retryAfterMs);
  request.ended('well');
}

test('a server that refuses is left in peace for as long as it asks, also at a fixed width', () => {
  const { clock, lane, opens } = fixedLane();
  assert.ok(opens());
  refuse(lane, 3000);
  clock.ms += 2999;
  assert.ok(!opens());
  clock.ms += 1;
  assert.ok(opens());
});

test('what a server asks is bounded, and a second is the rule where it asks nothing', () => {
  for (const [asked, waitMs] of [
    [1e15, 60_000],
    [-5, 1000],
    [undefined, 1000],
  ] as const) {
    const { clock, lane, opens } = fixedLane();
    refuse(lane, asked);
    clock.ms += waitMs - 1;
    assert.ok(!opens(), String(asked));
    clock.ms += 1;
    assert.ok(opens(), String(asked));
  }
});

test('after a refusal one request goes first, and others wait for its answer', async () => {
  const { clock, lane, opens } = fixedLane();
  for (let i = 0; i < 3; i += 1) lane.request().accepted();
  refuse(lane, 1000);
  clock.ms += 1000;
  const first = lane.request();
  assert.ok(!opens());
  const waiting = lane.untilMayRequest(new AbortController().signal);
  first.accepted();
  await waiting;
  assert.ok(opens());
  const stopped = new AbortController();
  lane.request();
  const given = lane.untilMayRequest(stopped.signal);
  stopped.abort();
  await assert.rejects(given, { name: 'AbortError' });
});

test('who waits with a permit that is one too many learns of it at once', async () => {
  const { clock, lane } = fixedLane();
  const held = Array.from({ length: 4 }, () => lane.tryAcquire());
  for (let i = 0; i < 2; i += 1) lane.request().accepted();
  refuse(lane, 1000);
  clock.ms += 1000;
  lane.request();
  assert.ok(!lane.mayRequest && !lane.isSurplus({ isBody: true }));
  const waiting = lane.untilMayRequest(new AbortController().signal);
  lane.limiter.resize(3);
  await waiting;
  assert.ok(lane.isSurplus({ isBody: true }) && !lane.mayRequest);
  held[0]?.release();
  assert.ok(!lane.isSurplus({ isBody: true }));
});

test('what is small goes beside the width until a request is refused, and within it after that', async () => {
  const { lane } = fixedLane();
  for (let i = 0; i < 2; i += 1) lane.request().accepted();
  assert.ok(!lane.countsAll && !lane.isSurplus({ isBody: false }));
  refuse(lane, 1000);
  assert.ok(lane.countsAll && lane.isSurplus({ isBody: false }));
  // It does not wait for the end of the rest: its permit is to be given back at once.
  await lane.untilMayRequest(new AbortController().signal, { isBody: false });
});

test('metadata in flight leaves that much less room for bodies', () => {
  for (const ends of [false, true]) {
    const { lane } = fixedLane();
    const config = lane.request({ isBody: false });
    config.accepted();
    lane.request().accepted();
    assert.equal(lane.bodies, 1);
    if (ends) config.ended('well');
    const { acceptedAt, inFlight, requests } = lane.take();
    assert.deepEqual([acceptedAt, inFlight, requests], ends ? [2, 1, 2] : [1, 2, 2]);
  }
});

test('bytes that come beside the width are served, and say nothing about it', () => {
  const { lane } = fixedLane();
  lane.moved(1000, { isBody: false });
  lane.moved(200, { isBody: true });
  const { bytes, besideBytes } = lane.take();
  assert.deepEqual([bytes, besideBytes], [200, 1000]);
  assert.equal(lane.servedBytes, 1200);
});

test('requests that fail before an answer are spaced out, until one is answered', () => {
  const { clock, lane, opens } = fixedLane();
  for (const pauseMs of [100, 200, 400]) {
    lane.request().ended('broken');
    clock.ms += pauseMs - 1;
    assert.ok(!opens());
    clock.ms += 1;
    assert.ok(opens());
  }
  const answered = lane.request();
  answered.accepted();
  answered.ended('broken');
  assert.ok(opens(), 'a body that broke is asked for anew at once');
  lane.request().ended('failed');
  clock.ms += 100;
  assert.ok(opens());
});

test('connections that break before an answer are told with what was open then', () => {
  const { lane } = fixedLane();
  for (let i = 0; i < 3; i += 1) lane.request().accepted();
  lane.request().ended('broken');
  lane.request().ended('failed');
  const { breaks, turnedAway } = lane.take();
  assert.deepEqual({ breaks, turnedAway }, { breaks: 1, turnedAway: { count: 1, inFlight: 3 } });
  assert.equal(lane.take().turnedAway, undefined);
});

test('a refusal is told with the flows that were sent before it, also those that have ended since', () => {
  const { lane } = fixedLane();
  const small = [lane.request(), lane.request(), lane.request()];
  const refused = [lane.request(), lane.request()];
  for (const flow of small) {
    flow.accepted();
    flow.ended('well');
  }
  for (const flow of refused.toReversed()) flow.refused(undefined);
  assert.deepEqual(lane.take().refusals, { count: 2, inFlight: 3, retryAfterMs: undefined });
});

test('one request more than a refusal has left is a trial, and its refusal holds nothing up', () => {
  const controller = { admission: { notBeforeMs: 0, minIntervalMs: 0 }, trial: 0 };
  const limiter = createLimiter({ name: 'test', width: 4 });
  const lane = new Lane(limiter, controller, () => 1000);
  const open = [lane.request(), lane.request()];
  for (const request of open) request.accepted();
  const first = lane.request();
  assert.equal(first.refused(undefined), false);
  first.ended('well');
  controller.trial = 3;
  const early = open.pop();
  early?.ended('well');
  const below = lane.request();
  assert.equal(below.refused(undefined), false, 'the others are fewer than the ceiling');
  below.ended('well');
  const again = lane.request();
  again.accepted();
  const trial = lane.request();
  assert.equal(trial.refused(20_000), true);
  trial.ended('well');
  assert.ok(lane.mayRequest);
});
