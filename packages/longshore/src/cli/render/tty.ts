import { stripVTControlCharacters } from 'node:util';
import type { FrameView } from './frame.ts';
import type { LastingLine } from './lasting.ts';
import { paintLine, type Style } from './paint.ts';
import { type Clock, type NoticeLevel, type Renderer } from './renderer.ts';
import { cleanText, textWidth } from './text.ts';

/** The terminal, as far as this renderer uses it. */
export interface Terminal {
  write(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
  /** Returns a function that ends the subscription. */
  onResize(listener: () => void): () => void;
  readonly colour: boolean;
  readonly unicode: boolean;
  /** Whether lines that no longer fit are wrapped anew when the window narrows. */
  readonly reflows: boolean;
}

/** A kind of run as a terminal shows it; all of it pure. */
export interface RunView<S, E> {
  readonly initial: S;
  readonly fold: (state: S, event: E) => S;
  /** The live part: no line wider than `columns - 1` cells, no more of them than `rows - 2`. */
  readonly frame: (state: S, view: FrameView) => readonly string[];
  /** What an event leaves in the terminal for good. */
  readonly lasting: (event: E) => readonly LastingLine[];
}

/** Ten frames a second: the eye sees motion, and a frame of 50 lines costs well under 1 ms. */
const FRAME_MS = 100;

const ESC = '\u001B[';
/** Terminals that know it (mode 2026) show a frame only when it is whole; others ignore it. */
const BEGIN_FRAME = `${ESC}?2026h`;
const END_FRAME = `${ESC}?2026l`;
const CLEAR_LINE_END = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;

const NOTICE_STYLES: Readonly<Record<NoticeLevel, Style>> = {
  info: 'plain',
  warning: 'yellow',
  error: 'red',
};

/**
 * Draws a live frame at the bottom of a terminal and lets lasting lines scroll away above it. A
 * frame is one write: up over the old one, every line with its end cleared, the rest below
 * cleared. The cursor is never hidden, so that not even `kill -9` leaves the terminal odd.
 */
export function createTtyRenderer<S, E>(
  terminal: Terminal,
  clock: Clock,
  view: RunView<S, E>,
): Renderer<E> {
  let state = view.initial;
  let drawn: readonly string[] = [];
  let closed = false;
  const told = new Set<string>();

  const draw = (lasting: readonly LastingLine[], clear = false): void => {
    const { columns, rows } = terminal.size();
    const { colour, unicode } = terminal;
    const frame = clear
      ? []
      : view.frame(state, { columns, rows, colour, unicode, now: clock.now() });
    if (lasting.length === 0 && sameLines(frame, drawn)) return;
    // Lasting lines may be wider than the terminal: it wraps them, and they stay copyable.
    const above = lasting.map(({ text, style }) =>
      paintLine([{ text, style }], { columns: Number.POSITIVE_INFINITY, colour, mark: '' }),
    );
    const lines = [...above, ...frame].map((line) => `${line}${CLEAR_LINE_END}\n`);
    terminal.write(
      `${BEGIN_FRAME}${moveUp(drawn.length)}${lines.join('')}${CLEAR_BELOW}${END_FRAME}`,
    );
    drawn = frame;
  };

  /** The old frame may take more rows by now, as its lines were wrapped; then all is drawn anew. */
  const redraw = (): void => {
    const { columns } = terminal.size();
    const rowsTaken = drawn.reduce(
      (sum, line) => sum + (terminal.reflows ? rowsOf(line, columns) : 1),
      0,
    );
    terminal.write(`${BEGIN_FRAME}${moveUp(rowsTaken)}${CLEAR_BELOW}${END_FRAME}`);
    drawn = [];
    draw([]);
  };

  const stopTicking = clock.every(FRAME_MS, () => draw([]));
  const stopResizing = terminal.onResize(redraw);

  const close = (): void => {
    if (closed) return;
    closed = true;
    stopTicking();
    stopResizing();
    draw([], true);
    if (drawn.length > 0) terminal.write(`${moveUp(drawn.length)}${CLEAR_BELOW}`);
    drawn = [];
  };

  return {
    onEvent(event) {
      state = view.fold(state, event);
      if (closed) return;
      const lasting = view.lasting(event).filter(({ text, once }) => {
        if (once !== true) return true;
        const isNew = !told.has(text);
        told.add(text);
        return isNew;
      });
      if (lasting.length > 0) draw(lasting);
    },
    notice(level, text) {
      const line = { text: cleanText(text), style: NOTICE_STYLES[level] };
      if (closed) terminal.write(`${line.text}\n`);
      else draw([line]);
    },
    close,
  };
}

function moveUp(lines: number): string {
  return lines > 0 ? `${ESC}${lines}A\r` : '\r';
}

function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(textWidth(stripVTControlCharacters(line)) / Math.max(1, columns)));
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}
