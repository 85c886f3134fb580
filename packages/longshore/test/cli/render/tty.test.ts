import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { TRANSFER_VIEW } from '../../../src/cli/render/open.ts';
import type { Renderer } from '../../../src/cli/render/renderer.ts';
import { createTtyRenderer } from '../../../src/cli/render/tty.ts';
import {
  blob,
  finished,
  imageFailed,
  ManualClock,
  planned,
  progress,
  resolved,
  started,
} from '../support/events.ts';
import { Screen } from '../support/screen.ts';

interface Stage {
  readonly screen: Screen;
  readonly clock: ManualClock;
  readonly renderer: Renderer;
  readonly resize: (columns: number, rows: number) => void;
  readonly listeners: Set<() => void>;
}

function stage(): Stage {
  const screen = new Screen(80);
  const clock = new ManualClock();
  const listeners = new Set<() => void>();
  let rows = 24;
  const renderer = createTtyRenderer(
    {
      write: (text) => screen.write(text),
      size: () => ({ columns: screen.columns, rows }),
      onResize: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      colour: true,
      unicode: true,
      // The test's screen does not wrap old lines anew.
      reflows: false,
    },
    clock,
    TRANSFER_VIEW,
  );
  const resize = (columns: number, newRows: number): void => {
    screen.columns = columns;
    rows = newRows;
    for (const listener of listeners) listener();
  };
  return { screen, clock, renderer, resize, listeners };
}

function begin({ renderer, clock }: Stage): void {
  renderer.onEvent(started(clock.now()));
  renderer.onEvent(resolved(clock.now(), 0));
  renderer.onEvent(planned(clock.now()));
  renderer.onEvent(progress(clock.now()));
}

test('a frame is one write, replaced in place, and equal frames are not written again', () => {
  const s = stage();
  begin(s);
  assert.equal(s.screen.writes, 0, 'events alone draw nothing');
  s.clock.advance(100);
  assert.equal(s.screen.writes, 1);
  assert.equal(s.screen.lines().length, 4);
  s.clock.advance(100);
  assert.equal(s.screen.writes, 1);
  s.renderer.onEvent(progress(s.clock.now(), { active: [blob(7)], doneBytes: 400_000_000 }));
  s.clock.advance(100);
  assert.equal(s.screen.writes, 2);
  const lines = s.screen.lines();
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? '', /74% {2}400 MB of 536 MB/);
  assert.match(lines[2] ?? '', /image7:1/);
});

test('what lasts stands above the frame, in order, and the end leaves only that', () => {
  const s = stage();
  begin(s);
  s.clock.advance(100);
  s.renderer.onEvent(imageFailed(s.clock.now(), 2));
  s.renderer.notice('info', 'Interrupted');
  const warning = {
    type: 'registry.warning',
    at: 0,
    registry: 'registry.example',
    text: 'old client',
  } as const;
  s.renderer.onEvent(warning);
  s.renderer.onEvent(warning);
  assert.deepEqual(s.screen.lines().slice(0, 3), [
    'failed registry.example/image2:1: not found (404). Check the name',
    'Interrupted',
    'registry.example warns: old client',
  ]);
  assert.match(s.screen.lines()[3] ?? '', /^Pulling/);
  const images = { total: 3, done: 2, failed: 1, cancelled: 0 };
  s.renderer.onEvent(finished(s.clock.now(), { images, outcome: 'failed' }));
  s.renderer.close();
  assert.deepEqual(s.screen.lines(), [
    'failed registry.example/image2:1: not found (404). Check the name',
    'Interrupted',
    'registry.example warns: old client',
    'Pulled 2 of 3 images in 4.8 s: 536 MB fetched (112 MB/s), 200 MB already here, 1',
    '20 MB shared between images',
    '1 image failed',
  ]);
});

test('a resize draws anew at once, at the new size', () => {
  const s = stage();
  begin(s);
  const active = Array.from({ length: 20 }, (_, i) => blob(i));
  s.renderer.onEvent(progress(s.clock.now(), { active }));
  s.clock.advance(100);
  assert.equal(s.screen.lines().length, 22);
  s.resize(40, 10);
  const lines = s.screen.lines();
  assert.equal(lines.length, 8);
  assert.ok(lines.every((line) => line.length < 40));
  assert.match(lines[7] ?? '', /and 15 more/);
});

test('closing in mid-run takes the frame away and ends timer and subscription', () => {
  const s = stage();
  begin(s);
  s.clock.advance(100);
  s.renderer.close();
  s.renderer.close();
  assert.deepEqual(s.screen.lines(), []);
  assert.equal(s.clock.timers, 0);
  assert.equal(s.listeners.size, 0);
  const { writes } = s.screen;
  s.renderer.onEvent(progress(s.clock.now()));
  assert.equal(s.screen.writes, writes);
  s.renderer.notice('error', 'still told');
  assert.deepEqual(s.screen.lines(), ['still told']);
});

test('where the terminal wraps old lines anew, the rows that they take by then are cleared', () => {
  const clock = new ManualClock();
  const written: string[] = [];
  let columns = 80;
  let resized = (): void => {};
  const renderer = createTtyRenderer(
    {
      write: (text) => written.push(text),
      size: () => ({ columns, rows: 24 }),
      onResize: (listener) => {
        resized = listener;
        return () => {};
      },
      colour: true,
      unicode: true,
      reflows: true,
    },
    clock,
    TRANSFER_VIEW,
  );
  renderer.onEvent(started(clock.now()));
  renderer.onEvent(planned(clock.now()));
  renderer.onEvent(progress(clock.now()));
  clock.advance(100);
  const lines = written[0]?.split('\n').slice(0, -1).map(stripVTControlCharacters) ?? [];
  assert.equal(lines.length, 4);
  columns = 30;
  resized();
  const rows = lines.reduce((sum, line) => sum + Math.ceil(line.trimStart().length / 30), 0);
  assert.ok(rows > lines.length);
  assert.equal(written[1], `\u001B[?2026h\u001B[${rows}A\r\u001B[J\u001B[?2026l`);
  renderer.close();
});
