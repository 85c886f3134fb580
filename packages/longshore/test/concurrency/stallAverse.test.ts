import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type StallAverseController,
  stallAverse,
  type UploadState,
} from '../../src/concurrency/index.ts';
import { judgeSilence, SilenceNorm } from '../../src/concurrency/stallAverseWatch.ts';
import { seededRandom } from '../sim/random.ts';

function body(id: number, quietMs: number, sentBytes = 1e6): UploadState {
  return { id, step: 'body', quietMs, sentBytes };
}

const anyUpload = fc.record({
  id: fc.nat(50),
  step: fc.constantFrom<'body' | 'commit'>('body', 'commit'),
  quietMs: fc.integer({ min: 0, max: 100_000 }),
  sentBytes: fc.nat(1e9),
});
const anyUploads = fc.uniqueArray(anyUpload, { maxLength: 20, selector: ({ id }) => id });

test('whatever is observed, the target stays within its bounds and only open bodies are cut', () => {
  const anySample = fc.record(
    {
      stepMs: fc.integer({ min: 0, max: 20_000 }),
      bytes: fc.nat(1e9),
      waiting: fc.nat(100),
      uploads: anyUploads,
      refusals: fc.record({ count: fc.nat(3), inFlight: fc.nat(30), retryAfterMs: fc.double() }),
      breaks: fc.nat(2),
      finished: fc.nat(20),
    },
    { requiredKeys: ['stepMs', 'bytes', 'waiting', 'uploads'] },
  );
  fc.assert(
    fc.property(
      fc.array(anySample, { maxLength: 100 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer(),
      (samples, max, seed) => {
        const controller = stallAverse({ random: seededRandom(seed), max });
        let atMs = 0;
        for (const { stepMs, ...sample } of samples) {
          atMs += stepMs;
          const target = controller.observe({ atMs, ...sample });
          assert.ok(Number.isSafeInteger(target) && target >= 1 && target <= max, String(target));
          const bodies = sample.uploads.filter(({ step }) => step === 'body');
          for (const id of controller.cancel) assert.ok(bodies.some((upload) => upload.id === id));
          assert.ok(controller.admission.notBeforeMs <= atMs + 66_000);
          const ceiling = controller.ceiling();
          assert.ok(ceiling === undefined || (ceiling.width >= 1 && ceiling.width < max));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a commit is never taken for silence', () => {
  fc.assert(
    fc.property(anyUploads, fc.integer({ min: 0, max: 100_000 }), (uploads, sinceMoveMs) => {
      const limits = { stallMs: 5_000, sinceMoveMs, allQuietMs: 10_000 };
      const silence = judgeSilence(uploads, limits);
      if (silence.kind === 'none') return;
      const cut = new Set(silence.cancel);
      for (const { id, step, quietMs } of uploads) {
        if (cut.has(id)) assert.ok(step === 'body' && quietMs > 5_000);
      }
    }),
  );
});

test('an upload is frozen when others moved after it had stopped', () => {
  const limits = { stallMs: 5_000, allQuietMs: 10_000 };
  const uploads = [body(1, 0), body(2, 6_000), body(3, 40)];
  assert.deepEqual(judgeSilence(uploads, { ...limits, sinceMoveMs: 0 }), {
    kind: 'frozen',
    cancel: [2],
  });
  // The others have ended since.
  assert.deepEqual(judgeSilence([body(2, 6_000)], { ...limits, sinceMoveMs: 1_000 }), {
    kind: 'frozen',
    cancel: [2],
  });
});

test('when all stopped together, the one that came furthest is kept', () => {
  const limits = { stallMs: 5_000, allQuietMs: 10_000, sinceMoveMs: 11_000 };
  const at = (quietMs: number) => [
    body(1, quietMs, 5),
    body(2, quietMs + 100, 9),
    body(3, quietMs + 50, 7),
  ];
  assert.deepEqual(judgeSilence(at(11_000), limits), {
    kind: 'all quiet',
    cancel: [3, 1],
    canary: 2,
  });
  assert.deepEqual(judgeSilence(at(7_000), { ...limits, sinceMoveMs: 7_000 }), { kind: 'none' });
});

test('the stall time follows what is usual for the registry', () => {
  const norm = new SilenceNorm(5_000, 10_000);
  assert.equal(norm.stallMs, 10_000);
  for (let at = 0; at < 60; at += 1) norm.take([body(1, at % 2 === 0 ? 0 : 300)], 300);
  assert.equal(norm.stallMs, 5_000);
  for (let at = 0; at < 3; at += 1) norm.take([body(1, at % 2 === 0 ? 0 : 1_500)], 1_500);
  assert.equal(norm.stallMs, 7_500);
});

/** Uploads 1 to `target` move steadily, as far as `goodput` of that many lets them. */
function push(
  controller: StallAverseController,
  span: { readonly from: number; readonly seconds: number },
  goodput: (width: number) => number,
): number[] {
  const targets: number[] = [];
  for (let tick = 0; tick < span.seconds * 10; tick += 1) {
    const width = controller.target;
    const uploads = Array.from({ length: width }, (_, index) => body(index + 1, 20));
    const atMs = 1000 * span.from + 100 * tick;
    targets.push(controller.observe({ atMs, bytes: 0.1 * goodput(width), uploads, waiting: 99 }));
  }
  return targets;
}

test('it starts at two and climbs one by one while that pays', () => {
  const controller = stallAverse({ random: seededRandom(1) });
  assert.equal(controller.target, 2);
  const targets = push(controller, { from: 0, seconds: 90 }, (width) => Math.min(6, width) * 5e6);
  for (const [index, target] of targets.entries()) {
    assert.ok(target - (targets[index - 1] ?? 2) <= 1, 'one at a time');
  }
  assert.equal(controller.target, 6);
  assert.equal(controller.ceiling(), undefined);
});

test('the width at which an upload froze is to blame, not the width now', () => {
  const controller = stallAverse({ random: seededRandom(1) });
  push(controller, { from: 0, seconds: 40 }, (width) => width * 5e6);
  const frozeAt = controller.target;
  assert.ok(frozeAt >= 4);
  const stuck = (quietMs: number) => [body(1, 20), body(2, 20), body(99, quietMs)];
  for (let tick = 1; tick <= 70 && controller.cancel.length === 0; tick += 1) {
    const atMs = 40_000 + 100 * tick;
    controller.observe({ atMs, bytes: 1e6, uploads: stuck(100 * tick), waiting: 0 });
  }
  assert.deepEqual(controller.cancel, [99]);
  assert.equal(controller.ceiling()?.width, frozeAt - 1);
  assert.ok(controller.target < frozeAt);
});

test('a refusal makes what was in flight the ceiling and waits as asked', () => {
  const controller = stallAverse({ random: () => 0.5 });
  push(controller, { from: 0, seconds: 40 }, (width) => width * 5e6);
  const held = controller.target - 1;
  const uploads = Array.from({ length: held }, (_, index) => body(index + 1, 20));
  const refusals = { count: 1, inFlight: held, retryAfterMs: 3_000 };
  controller.observe({ atMs: 40_000, bytes: 1e6, uploads, waiting: 9, refusals });
  assert.equal(controller.target, held);
  assert.equal(controller.ceiling()?.width, held);
  assert.equal(controller.admission.notBeforeMs, 43_150);
});

test('rests after refusals grow only where nothing has arrived since the last one', () => {
  const restsOf = (finished: number): number[] => {
    const controller = stallAverse({ random: () => 0 });
    const rests: number[] = [];
    for (let atMs = 1_000; rests.length < 6; atMs += 100) {
      if (atMs < controller.admission.notBeforeMs) {
        controller.observe({ atMs, bytes: 0, uploads: [], waiting: 9, finished });
        continue;
      }
      // A burst of two counts once.
      const refusals = { count: 2, inFlight: 4, retryAfterMs: undefined };
      controller.observe({ atMs, bytes: 0, uploads: [], waiting: 9, refusals });
      controller.observe({ atMs: atMs + 10, bytes: 0, uploads: [], waiting: 9, refusals });
      rests.push(controller.admission.notBeforeMs - atMs);
    }
    return rests;
  };
  assert.ok(restsOf(1).every((rest) => rest >= 1_000 && rest <= 1_100));
  const [first = 0, second = 0, , , fifth = 0] = restsOf(0);
  assert.ok(first <= 1_100 && second >= 2_000 && fifth >= 16_000);
});

test('the remembered ceiling holds, and ends with its time', () => {
  const remembered = { width: 3, forMs: 60_000 };
  const controller = stallAverse({ random: seededRandom(1), remembered });
  const steady = (width: number) => width * 5e6;
  assert.ok(Math.max(...push(controller, { from: 0, seconds: 59 }, steady)) === 3);
  push(controller, { from: 59, seconds: 40 }, steady);
  assert.ok(controller.target > 3);
});

test('a remembered ceiling that was not needed is handed back as it was', () => {
  const remembered = { width: 3, forMs: 60_000, events: 2 };
  const controller = stallAverse({ random: seededRandom(1), remembered });
  assert.deepEqual(controller.ceiling(), remembered);
});

test('a width that freezes while it is tried is left after its first silence', () => {
  const controller = stallAverse({ random: seededRandom(1) });
  let atMs = 0;
  const observe = (uploads: readonly UploadState[], bytes: number): void => {
    atMs += 100;
    controller.observe({ atMs, bytes, uploads, waiting: 99, finished: uploads.length });
  };
  const moving = (count: number) => Array.from({ length: count }, (_, i) => body(i + 1, 20));
  while (controller.target < 4) observe(moving(controller.target), controller.target * 1e6);
  const beganAt = atMs;
  // The registry takes three, and a frozen upload keeps its place: soon none of the four moves.
  while (controller.cancel.length === 0) {
    observe(
      [99, 98, 97, 96].map((id, i) => body(id, Math.max(0, atMs - beganAt - 200 * i))),
      0,
    );
    assert.ok(atMs < beganAt + 2_000, 'it waits too long');
  }
  assert.deepEqual(controller.cancel, [99]);
  assert.equal(controller.target, 3);
  assert.equal(controller.ceiling()?.width, 3);
  assert.ok(controller.admission.notBeforeMs > atMs, 'the registry has to notice first');
  // Those that began beside it go as soon, though nothing has moved in between.
  const cut = new Set<number>();
  const frozeAt = atMs;
  while (cut.size < 3) {
    const rest = [98, 97, 96].filter((id) => !cut.has(id));
    observe(
      rest.map((id, i) => body(id, atMs - beganAt - 200 * (i + 1))),
      0,
    );
    for (const id of controller.cancel) cut.add(id);
    assert.ok(atMs < frozeAt + 1_000, 'it waits too long');
  }
  assert.equal(controller.target, 3, 'one freeze is to blame once');
});

test('a network that goes away while a width is tried costs neither width nor ceiling', () => {
  const controller = stallAverse({ random: seededRandom(1) });
  push(controller, { from: 0, seconds: 8 }, (width) => width * 5e6);
  let atMs = 8_000;
  const goneAt = atMs;
  let ids = 100;
  let open = new Map(Array.from({ length: controller.target }, (_, i) => [i + 1, goneAt]));
  const trusted = controller.target - 1;
  while (atMs < goneAt + 40_000) {
    atMs += 100;
    const uploads = Array.from(open, ([id, since]) => body(id, atMs - since));
    controller.observe({ atMs, bytes: 0, uploads, waiting: 99 });
    for (const id of controller.cancel) open.delete(id);
    while (open.size < controller.target && atMs >= controller.admission.notBeforeMs) {
      open.set((ids += 1), atMs);
    }
  }
  assert.equal(controller.outage, true);
  open = new Map(Array.from(open.keys(), (id) => [id, atMs]));
  const uploads = Array.from(open.keys(), (id) => body(id, 0));
  controller.observe({ atMs: atMs + 100, bytes: 1e6, uploads, waiting: 99 });
  assert.equal(controller.outage, false);
  assert.ok(controller.target >= trusted, `${controller.target} of ${trusted}`);
  assert.equal(controller.ceiling(), undefined);
});

test('an outage leaves width and ceiling as they were', () => {
  const controller = stallAverse({ random: seededRandom(1) });
  push(controller, { from: 0, seconds: 43 }, (width) => Math.min(4, width) * 5e6);
  const before = controller.target;
  const uploads = (quietMs: number) =>
    Array.from({ length: before }, (_, index) => body(index + 1, quietMs, 100 - index));
  const cut = new Set<number>();
  for (let tick = 1; tick <= 250; tick += 1) {
    const open = uploads(100 * tick).filter(({ id }) => !cut.has(id));
    controller.observe({ atMs: 43_000 + 100 * tick, bytes: 0, uploads: open, waiting: 9 });
    for (const id of controller.cancel) cut.add(id);
  }
  assert.equal(controller.outage, true);
  assert.equal(controller.target, 2, 'room for one that tries anew beside it');
  assert.equal(cut.size, before - 1, 'one is kept to see when the network is back');
  controller.observe({ atMs: 69_000, bytes: 1e6, uploads: [body(1, 10)], waiting: 9 });
  assert.equal(controller.outage, false);
  assert.equal(controller.target, before);
  assert.equal(controller.ceiling(), undefined);
});

test('widths that are none are refused', () => {
  assert.throws(() => stallAverse({ random: Math.random, max: 0 }), { code: 'ERR_BAD_WIDTH' });
  assert.throws(() => stallAverse({ random: Math.random, start: 1.5 }), { code: 'ERR_BAD_WIDTH' });
});
