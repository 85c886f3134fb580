import { shortDigest } from '../../image/index.ts';
import type { ActiveBlob } from '../../transfer/index.ts';
import { formatBytes, formatClock, formatCount, formatPercent, formatRate } from './format.ts';
import { outputEtaMs, outputWord } from './outputs.ts';
import { paintLine, type Span } from './paint.ts';
import type { ActiveOutput, ProgressState } from './state.ts';
import { cleanText, fitText } from './text.ts';

/** The terminal that a frame is drawn for. */
export interface FrameView {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
  /** Whether block characters may be used; else ASCII. */
  readonly unicode: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Rows of the terminal that a frame leaves free: one for the cursor, one above for context. */
export const FREE_ROWS = 2;

/**
 * The live part of the display as lines, none wider than `columns - 1` cells (a line that fills
 * the last column makes some terminals wrap) and never more of them than `rows - 2`.
 */
export function renderFrame(state: ProgressState, view: FrameView): string[] {
  if (state.phase === 'finished') return [];
  const height = Math.max(1, view.rows - FREE_ROWS);
  const head = [imagesLine(state, view), ...(hasTotal(state) ? [totalLine(state, view)] : [])];
  const notes = throttleLine(state, view);
  // On a terminal of three rows or less, the one line that is left is the one with the bar.
  if (height < head.length) return paintAll(head.slice(-height), view);
  const room = height - head.length - notes.length;
  const outputs = outputLines(state.outputs, room, view);
  const lines = [
    ...head,
    ...notes.slice(0, height - head.length),
    ...outputs,
    ...blobLines(state.active, room - outputs.length, view),
  ];
  return paintAll(lines, view);
}

/** Where all is there already, a conversion would stand below a bar of nothing. */
function hasTotal({ verb, plan, outputs }: ProgressState): boolean {
  if (plan === undefined) return verb !== 'pull';
  return plan.fetchBytes > 0 || outputs.length === 0;
}

export function paintAll(lines: readonly (readonly Span[])[], view: FrameView): string[] {
  const columns = Math.max(1, view.columns - 1);
  return lines.map((spans) =>
    paintLine(spans, { columns, colour: view.colour, mark: view.unicode ? '…' : '~' }),
  );
}

function imagesLine({ phase, verb, images, startedAt }: ProgressState, view: FrameView): Span[] {
  const elapsed = formatClock(Math.max(0, view.now - startedAt));
  const spans: Span[] =
    phase === 'resolving'
      ? [
          { text: 'Resolving ', style: 'bold' },
          { text: `${images.resolved + images.failed} of ${formatCount(images.total, 'image')}` },
        ]
      : [
          { text: phase === 'draining' ? 'Finishing ' : VERBS[verb], style: 'bold' },
          { text: `${images.done} of ${formatCount(images.total, 'image')} done` },
        ];
  if (images.failed > 0) spans.push({ text: `  ${images.failed} failed`, style: 'red' });
  const used = spans.reduce((sum, { text }) => sum + text.length, 0);
  const clock = `  ${elapsed}`;
  if (used + clock.length < view.columns) spans.push({ text: clock, style: 'dim' });
  return spans;
}

function totalLine(state: ProgressState, view: FrameView): Span[] {
  const { doneBytes, totalBytes, bytesPerSecond, etaMs } = state;
  const numbers = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}  ${formatRate(bytesPerSecond)}`;
  const wide = view.columns >= 70;
  const left = wide ? ' left' : '';
  const eta = etaMs === undefined ? '' : `  ${formatClock(etaMs)}${left}`;
  // Fixed places for the numbers, so that the bar does not jump as they grow and shrink.
  const text = `${numbers}${eta}`;
  const place = Math.max(text.length, wide ? 42 : 0);
  const percent = formatPercent(doneBytes, totalBytes).padStart(4);
  const barWidth = Math.min(40, view.columns - 1 - place - percent.length - 3);
  const bar = barSpans(doneBytes, totalBytes, barWidth, view);
  return [...bar, { text: `${percent}  `, style: 'bold' }, { text }];
}

function throttleLine({ throttle }: ProgressState, view: FrameView): Span[][] {
  if (throttle === undefined || throttle.until <= view.now) return [];
  const wait = formatClock(throttle.until - view.now);
  const text = `${cleanText(throttle.origin)} asks to slow down (${throttle.status}), ${wait}`;
  return [[{ text, style: 'yellow' }]];
}

export function blobLines(active: readonly ActiveBlob[], room: number, view: FrameView): Span[][] {
  if (active.length <= room) return active.map((blob) => blobLine(blob, view));
  if (room <= 0) return [];
  const shown = active.slice(0, room - 1);
  const rest = active.slice(room - 1);
  const rate = rest.reduce((sum, blob) => sum + blob.bytesPerSecond, 0);
  const more = `  and ${rest.length} more at ${formatRate(rate)}`;
  return [...shown.map((blob) => blobLine(blob, view)), [{ text: more, style: 'dim' }]];
}

const VERBS = { pull: 'Pulling ', push: 'Pushing ' } as const;

const STATE_WORDS: Readonly<Record<ActiveBlob['state'], string | undefined>> = {
  moving: undefined,
  waiting: 'waiting',
  retrying: 'retrying',
  verifying: 'verifying',
  committing: 'committing',
};

function blobLine(blob: ActiveBlob, view: FrameView): Span[] {
  const columns = view.columns - 1;
  const wide = columns >= 64;
  const label = cleanText(blob.label);
  const labelWidth = labelCells(columns);
  const mark = view.unicode ? '…' : '~';
  const percent = formatPercent(blob.doneBytes, blob.size).padStart(4);
  const word = STATE_WORDS[blob.state];
  const size = wide ? `${formatBytes(blob.size).padStart(8)}  ` : '';
  const tail = `${size}${word ?? formatRate(blob.bytesPerSecond)}`;
  const spans: Span[] = [{ text: `  ${fitText(label, labelWidth, mark)} ` }];
  if (wide) spans.push({ text: `${shortDigest(blob.digest)} `, style: 'dim' });
  const used = spans.reduce((sum, { text }) => sum + text.length, 0);
  const barWidth = Math.min(24, columns - used - percent.length - 2 - (wide ? 20 : 10));
  return [
    ...spans,
    ...barSpans(blob.doneBytes, blob.size, barWidth, view),
    { text: `${percent}  ` },
    { text: tail, style: word === undefined ? 'dim' : 'yellow' },
  ];
}

/** Before the blobs: an image that is converted is nearer to its end than one that still comes. */
function outputLines(outputs: readonly ActiveOutput[], room: number, view: FrameView): Span[][] {
  return outputs.slice(0, Math.max(0, room)).map((output) => outputLine(output, view));
}

function outputLine(output: ActiveOutput, view: FrameView): Span[] {
  const { doneBytes, totalBytes = 0, label } = output;
  const columns = view.columns - 1;
  const labelWidth = labelCells(columns);
  const mark = view.unicode ? '…' : '~';
  const percent = totalBytes === 0 ? '' : formatPercent(doneBytes, totalBytes).padStart(4);
  const etaMs = outputEtaMs(output);
  const left = etaMs === undefined || etaMs === 0 ? '' : `  ${formatClock(etaMs)} left`;
  const size = formatBytes(totalBytes === 0 ? doneBytes : totalBytes).padStart(8);
  // Room for the longest text, so that the bar does not jump.
  const barWidth = totalBytes === 0 ? 0 : Math.min(24, columns - labelWidth - 39);
  return [
    { text: `  ${fitText(cleanText(label), labelWidth, mark)} ` },
    ...barSpans(doneBytes, totalBytes, barWidth, view),
    { text: `${percent}  ${size}  ${outputWord(output)}${left}`, style: 'dim' },
  ];
}

function labelCells(columns: number): number {
  return Math.max(8, Math.min(32, Math.floor(columns * 0.3)));
}

/** Eighths of a cell, so that a slow bar is seen to move. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** A bar and a space after it, or nothing where fewer than six cells are left for it. */
export function barSpans(done: number, total: number, width: number, view: FrameView): Span[] {
  if (width < 6) return [];
  const share = total <= 0 ? 0 : Math.max(0, Math.min(1, done / total));
  const eighths = Math.floor(share * width * 8);
  const full = Math.floor(eighths / 8);
  if (!view.unicode) {
    return [{ text: `${'#'.repeat(full)}${'-'.repeat(width - full)} ` }];
  }
  const part = EIGHTHS[eighths % 8] ?? '';
  const rest = width - full - part.length;
  return [
    { text: `${'█'.repeat(full)}${part}`, style: 'cyan' },
    { text: '░'.repeat(rest), style: 'dim' },
    { text: ' ' },
  ];
}
