import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderBulkFrame } from '../../../src/cli/render/bulk/frame.ts';
import { BULK_RENDERERS } from '../../../src/cli/render/bulk/renderers.ts';
import { foldRunEvent, INITIAL_BULK } from '../../../src/cli/render/bulk/state.ts';
import { textWidth } from '../../../src/cli/render/text.ts';
import { digestOf } from '../../../src/image/index.ts';
import {
  countStates,
  type RunEvent,
  type TargetEntry,
  type TargetState,
} from '../../../src/run/index.ts';
import { ManualClock } from '../support/events.ts';

const seed = Date.now() & 0x7fffffff;
const digest = digestOf(Buffer.from('layer'));

function started(targets: number, pushers: 'auto' | undefined = 'auto'): RunEvent {
  return {
    type: 'bulk.started',
    at: 1000,
    run: '20260101-000000-abcd',
    targets,
    built: 0,
    up: 0,
    builder: 'buildah',
    builders: 4,
    ...(pushers === undefined ? {} : { pushers }),
  };
}

function progress(states: readonly TargetState[], builds: number, uploads: number): RunEvent {
  const entries = states.map((state, i): [string, TargetEntry] => [
    `t${i}`,
    { target: `t${i}`, state, newBytes: 0, tags: [] },
  ]);
  return {
    type: 'bulk.progress',
    at: 61_000,
    elapsedMs: 60_000,
    targets: countStates(new Map(entries)),
    unpushedBytes: 12_300_000,
    sentBytes: 5_000_000,
    bytesPerSecond: 2_500_000,
    builds: Array.from({ length: builds }, (_, i) => ({
      target: `a-target-with-a-long-name-${i}`,
      step: { name: 'RUN apt-get update && apt-get install -y everything', number: 3, total: 9 },
      milliseconds: 12_000,
    })),
    uploads: Array.from({ length: uploads }, () => ({
      digest,
      size: 10_000_000,
      doneBytes: 5_000_000,
      bytesPerSecond: 1_000_000,
      state: 'moving' as const,
      label: 'registry.lab/team/app:1',
    })),
    width: 2,
  };
}

test('both stages are in one frame, with what runs in each', () => {
  const states: TargetState[] = [
    'pushed',
    'pushed',
    'queued',
    'building',
    'waiting',
    'failed-build',
  ];
  const state = [started(6), progress(states, 1, 1)].reduce(foldRunEvent, INITIAL_BULK);
  const view = { columns: 100, rows: 24, colour: false, unicode: false, now: 61_000 };
  assert.deepEqual(renderBulkFrame(state, view), [
    'Building 6 images  1 failed  1m00s',
    'Built  ############------------ 3/6  1 of 4 building, 1 to come',
    'Pushed ########---------------- 2/6  1 on their way, 12.3 MB, 2 uploads at once, 2.50 MB/s',
    '  a-target-with-a-long-name-0      12s  3/9 RUN apt-get update && apt-get install -y everything',
    `  registry.lab/team/app:1       ${digest.slice(7, 19)} ############------------  50%   10.0 MB  1.00 MB/s`,
  ]);
});

test(`a frame fits its terminal, whatever runs (seed ${seed})`, () => {
  const size = fc.record({
    columns: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 60 }),
    unicode: fc.boolean(),
    builds: fc.nat(50),
    uploads: fc.nat(50),
  });
  fc.assert(
    fc.property(size, ({ builds, uploads, ...view }) => {
      const state = [started(99), progress(['building'], builds, uploads)].reduce(
        foldRunEvent,
        INITIAL_BULK,
      );
      const lines = renderBulkFrame(state, { ...view, colour: false, now: 61_000 });
      assert.ok(lines.length <= Math.max(1, view.rows - 2));
      for (const line of lines) assert.ok(textWidth(line) < Math.max(2, view.columns));
    }),
    { seed },
  );
});

test('a log tells of a large run in few lines', () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const renderer = BULK_RENDERERS.plain((text) => lines.push(text), clock);
  const total = 200;
  renderer.onEvent({ ...started(total), at: clock.now() });
  for (let i = 0; i < total; i += 1) {
    clock.advance(1000);
    const at = clock.now();
    const target = `t${i}`;
    renderer.onEvent({ type: 'target.state', at, target, to: 'building' });
    renderer.onEvent({ type: 'target.step', at, target, step: { name: 'RUN', number: 1 } });
    const image = { mediaType: 'm', digest, size: 1 };
    renderer.onEvent({
      type: 'target.state',
      at,
      target,
      to: 'queued',
      image,
      newBytes: 1,
      milliseconds: 1,
    });
    renderer.onEvent({ type: 'target.state', at, target, to: 'pushed', tags: [] });
    renderer.onEvent(
      progress(
        Array.from({ length: i + 1 }, () => 'pushed'),
        0,
        0,
      ),
    );
  }
  const error = { code: 'ERR_BUILD_FAILED', message: 'RUN false\nand its output' };
  renderer.onEvent({
    type: 'target.state',
    at: clock.now(),
    target: 'bad',
    to: 'failed-build',
    error,
  });
  renderer.close();
  assert.equal(
    lines[0],
    'Building 200 images with buildah, 4 at once; pushing as many at once as pays\n',
  );
  assert.equal(lines.at(-1), 'failed to build bad: RUN false\n');
  assert.ok(lines.length < 40, `${lines.length} lines`);
});
