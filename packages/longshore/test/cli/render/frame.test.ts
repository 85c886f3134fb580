import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { type FrameView, renderFrame } from '../../../src/cli/render/frame.ts';
import { foldEvent, INITIAL_STATE, type ProgressState } from '../../../src/cli/render/state.ts';
import { textWidth } from '../../../src/cli/render/text.ts';
import type { TransferEvent } from '../../../src/transfer/index.ts';
import {
  blob,
  imageFailed,
  output,
  planned,
  progress,
  resolved,
  started,
} from '../support/events.ts';

const AT = 1_000_000;
const view: FrameView = { columns: 80, rows: 24, colour: false, unicode: true, now: AT + 3000 };

function stateAfter(...events: readonly TransferEvent[]): ProgressState {
  return events.reduce(foldEvent, INITIAL_STATE);
}

const moving = stateAfter(
  started(AT),
  resolved(AT, 0),
  resolved(AT, 1),
  imageFailed(AT, 2),
  planned(AT),
  progress(AT, { images: { total: 3, done: 1, failed: 1 } }),
);

test('while references are resolved', () => {
  const state = stateAfter(started(AT), resolved(AT, 0), resolved(AT, 1));
  assert.deepEqual(renderFrame(state, view), ['Resolving 2 of 3 images  3s']);
});

test('in mid-run', () => {
  assert.deepEqual(renderFrame(moving, view), [
    'Pulling 1 of 3 images done  1 failed  3s',
    '████████████████▊░░░░░░░░░░░░░  56%  301 MB of 536 MB  112 MB/s  2s left',
    '  image1:1                8ea720af7d06 █████████▉░░░░  71%   53.5 MB  12.0 MB/s',
    '  image2:1                974b8f4f45eb █████████▉░░░░  71%   53.5 MB  retrying',
  ]);
});

test('without Unicode', () => {
  const lines = renderFrame(moving, { ...view, unicode: false });
  assert.match(lines[1] ?? '', /^#{16}-{14} {2}56%/);
  for (const line of lines) assert.match(line, /^[\x20-\x7e]*$/);
});

test('40 columns and 10 rows: no line is wider, the rest is summed up', () => {
  const active = Array.from({ length: 9 }, (_, i) => blob(i));
  const state = foldEvent(moving, progress(AT, { active }));
  assert.deepEqual(renderFrame(state, { ...view, columns: 40, rows: 10 }), [
    'Pulling 1 of 3 images done  3s',
    ' 56%  301 MB of 536 MB  112 MB/s  2s',
    '  image0:1    ██████▍░░  71%  12.0 MB/s',
    '  image1:1    ██████▍░░  71%  12.0 MB/s',
    '  image2:1    ██████▍░░  71%  12.0 MB/s',
    '  image3:1    ██████▍░░  71%  12.0 MB/s',
    '  image4:1    ██████▍░░  71%  12.0 MB/s',
    '  and 4 more at 48.0 MB/s',
  ]);
});

test('what does not fit into the first line is left out, not cut', () => {
  const state = foldEvent(moving, progress(AT, { images: { total: 1200, done: 700, failed: 1 } }));
  const first = (columns: number) => renderFrame(state, { ...view, columns, rows: 10 })[0];
  assert.equal(first(60), 'Pulling 700 of 1,200 images done  1 failed  3s');
  assert.equal(first(46), 'Pulling 700 of 1,200 images done  1 failed');
});

test('an image that is converted, before the blobs of others', () => {
  const read = foldEvent(moving, output(AT, { step: 'read', doneBytes: 12_000_000 }));
  const { totalBytes: _, ...reading } = read.outputs[0] ?? assert.fail();
  assert.equal(
    renderFrame({ ...read, outputs: [reading] }, view)[2],
    '  image0:1                   12.0 MB  reading layers',
  );
  const begun = foldEvent(read, output(AT));
  const half = foldEvent(begun, output(AT + 10_000, { doneBytes: 1_270_000_000 }));
  assert.deepEqual(renderFrame(half, view).slice(2, 4), [
    '  image0:1                ████████▌░░░░░░░░  50%   2.54 GB  writing  10s left',
    '  image1:1                8ea720af7d06 █████████▉░░░░  71%   53.5 MB  12.0 MB/s',
  ]);
  const last = foldEvent(half, output(AT + 20_000, { doneBytes: 2_540_000_000 }));
  assert.match(renderFrame(last, view)[2] ?? '', /100%   2.54 GB  finishing$/);
  const about = { at: AT, image: 0, reference: 'registry.example/image0:1', output: 'sif:images/' };
  assert.deepEqual(foldEvent(last, { type: 'output.done', ...about }).outputs, []);
  assert.deepEqual(foldEvent(last, imageFailed(AT, 0)).outputs, []);
});

test('an image that is converted when nothing is to be fetched', () => {
  const events = [started(AT, 1), planned(AT, { images: 1, fetchBytes: 0 }), output(AT)];
  assert.deepEqual(renderFrame(stateAfter(...events), view), [
    'Pulling 0 of 1 image done  3s',
    '  image0:1                ░░░░░░░░░░░░░░░░░   0%   2.54 GB  writing',
  ]);
});

test('a registry that asks to slow down is shown as long as it is true', () => {
  const throttled: TransferEvent = {
    type: 'registry.throttled',
    at: AT,
    origin: 'https://registry.example:443',
    status: 429,
    retryAfterMs: 5000,
  };
  const state = foldEvent(moving, throttled);
  const note = 'https://registry.example:443 asks to slow down (429), 2s';
  assert.ok(renderFrame(state, view).includes(note));
  assert.ok(!renderFrame(state, { ...view, now: AT + 6000 }).some((line) => line.includes('429')));
});

test('draining is said, and after the end there is no frame', () => {
  const draining = foldEvent(moving, { type: 'run.draining', at: AT });
  assert.match(renderFrame(draining, view)[0] ?? '', /^Finishing 1 of 3/);
  assert.deepEqual(renderFrame({ ...moving, phase: 'finished' }, view), []);
});

test('labels from outside cannot steer the terminal', () => {
  const active = [blob(1, { label: 'evil\u001B[2J\u0007\nname' })];
  const lines = renderFrame(foldEvent(moving, progress(AT, { active })), view);
  assert.equal(lines.length, 3);
  for (const line of lines) assert.doesNotMatch(line, /\p{Cc}/u);
});

test('whatever comes, a frame fits the terminal and colours change no width', () => {
  const anyBlob = fc.record({
    label: fc.string({ unit: 'grapheme', maxLength: 80 }),
    size: fc.nat(),
    doneBytes: fc.nat(),
    bytesPerSecond: fc.nat(),
    state: fc.constantFrom('moving', 'waiting', 'retrying', 'verifying'),
  });
  const dimensions = fc.record({
    columns: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 80 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyBlob, { maxLength: 60 }),
      dimensions,
      fc.record({ doneBytes: fc.nat(), totalBytes: fc.nat(), bytesPerSecond: fc.nat() }),
      fc.boolean(),
      fc.array(fc.record({ image: fc.nat(5), doneBytes: fc.nat(), totalBytes: fc.nat() })),
      (blobs, size, totals, unicode, outputs) => {
        const active = blobs.map((change, i) => blob(i, change));
        const events = outputs.map((change, i) => output(AT + 1000 * i, change));
        const start = [...events, progress(AT, { active, ...totals })];
        const state = start.reduce(foldEvent, moving);
        const plain = renderFrame(state, { ...view, ...size, unicode });
        assert.ok(plain.length <= Math.max(1, size.rows - 2));
        for (const line of plain) assert.ok(textWidth(line) <= Math.max(1, size.columns - 1), line);
        const coloured = renderFrame(state, { ...view, ...size, unicode, colour: true });
        assert.deepEqual(coloured.map(stripVTControlCharacters), plain);
      },
    ),
  );
});
