import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJsonRenderer } from '../../../src/cli/render/json.ts';
import { describeTerminal, pickProgress } from '../../../src/cli/render/pick.ts';
import { createQuietRenderer } from '../../../src/cli/render/quiet.ts';
import { finished, imageFailed, ManualClock, progress, started } from '../support/events.ts';

test('json: one object a line, the events as they are', () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const renderer = createJsonRenderer((text) => lines.push(text), clock);
  const events = [started(1), progress(2), imageFailed(3, 0), finished(4)];
  for (const event of events) renderer.onEvent(event);
  renderer.notice('warning', 'two\nlines');
  renderer.close();
  const expected = [
    ...events,
    { type: 'notice', at: clock.now(), level: 'warning', text: 'two\nlines' },
  ];
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    expected,
  );
  for (const line of lines) assert.equal(line.indexOf('\n'), line.length - 1);
});

test('json: of the ten progress events a second, two are written', () => {
  const lines: string[] = [];
  const clock = new ManualClock();
  const renderer = createJsonRenderer((text) => lines.push(text), clock);
  for (let i = 0; i < 20; i++) {
    renderer.onEvent(progress(clock.now()));
    clock.advance(100);
  }
  assert.equal(lines.length, 4);
});

test('quiet: failures alone', () => {
  let text = '';
  const renderer = createQuietRenderer((chunk) => {
    text += chunk;
  });
  for (const event of [started(1), progress(2), imageFailed(3, 0), finished(4)]) {
    renderer.onEvent(event);
  }
  renderer.notice('info', 'not told');
  assert.equal(text, 'failed registry.example/image0:1: not found (404). Check the name\n');
});

test('auto is tty for a person at a terminal, else plain', () => {
  assert.equal(pickProgress({ TERM: 'xterm-256color' }, true), 'tty');
  assert.equal(pickProgress({ TERM: 'xterm-256color' }, false), 'plain');
  assert.equal(pickProgress({ TERM: 'dumb' }, true), 'plain');
  assert.equal(pickProgress({ CI: 'true' }, true), 'plain');
  assert.equal(pickProgress({ CI: 'false' }, true), 'tty');
});

test('what a terminal can, from its environment', () => {
  const modern = { TERM: 'xterm-256color', LANG: 'C.UTF-8' };
  assert.deepEqual(describeTerminal(modern), { colour: true, unicode: true, reflows: true });
  assert.equal(describeTerminal({ ...modern, NO_COLOR: '1' }).colour, false);
  assert.equal(describeTerminal({ ...modern, NO_COLOR: '' }).colour, true);
  assert.equal(describeTerminal({ ...modern, LC_ALL: 'C' }).unicode, false);
  assert.equal(describeTerminal({ ...modern, XTERM_VERSION: 'XTerm(379)' }).reflows, false);
  assert.equal(describeTerminal({ ...modern, TERM: 'screen', TMUX: '/tmp/x' }).reflows, true);
  assert.equal(describeTerminal({ ...modern, TERM: 'screen' }).reflows, false);
});
