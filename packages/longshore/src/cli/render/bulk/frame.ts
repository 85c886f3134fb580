import type { ActiveBuild } from '../../../run/index.ts';
import { formatBytes, formatClock, formatRate } from '../format.ts';
import { barSpans, blobLines, FREE_ROWS, type FrameView, paintAll } from '../frame.ts';
import type { Span } from '../paint.ts';
import { cleanText, fitText } from '../text.ts';
import { type BulkState, builtCount, failedCount, upCount } from './state.ts';

const BAR_CELLS = 24;

/** Both stages as lines: how far each is, then the builds and the uploads that run now. */
export function renderBulkFrame(state: BulkState, view: FrameView): string[] {
  if (state.phase === 'finished' || state.phase === 'starting') return [];
  const height = Math.max(1, view.rows - FREE_ROWS);
  const head = [
    titleLine(state, view),
    stageLine('Built ', builtCount(state.targets), buildNote(state), { state, view }),
    ...(state.pushes
      ? [stageLine('Pushed', upCount(state.targets), pushNote(state), { state, view })]
      : []),
  ];
  if (height <= head.length) return paintAll(head.slice(-height), view);
  const room = height - head.length;
  const builds = state.progress?.builds ?? [];
  const uploads = state.progress?.uploads ?? [];
  // Each stage gets half of the rows, and what the other leaves.
  const forBuilds = Math.max(Math.ceil(room / 2), room - uploads.length);
  const shown = buildLines(builds, Math.min(forBuilds, room), view);
  return paintAll([...head, ...shown, ...blobLines(uploads, room - shown.length, view)], view);
}

function titleLine({ phase, targets, startedAt }: BulkState, view: FrameView): Span[] {
  const spans: Span[] = [
    { text: phase === 'draining' ? 'Stopping ' : 'Building ', style: 'bold' },
    { text: `${targets.total} images` },
  ];
  const failed = failedCount(targets);
  if (failed > 0) spans.push({ text: `  ${failed} failed`, style: 'red' });
  spans.push({ text: `  ${formatClock(Math.max(0, view.now - startedAt))}`, style: 'dim' });
  return spans;
}

function stageLine(
  name: string,
  done: number,
  note: string,
  { state, view }: { readonly state: BulkState; readonly view: FrameView },
): Span[] {
  const { total } = state.targets;
  const width = String(total).length;
  const numbers = `${String(done).padStart(width)}/${total}`;
  const cells = Math.min(BAR_CELLS, view.columns - name.length - numbers.length - 30);
  return [
    { text: `${name} ` },
    ...barSpans(done, total, cells, view),
    { text: numbers, style: 'bold' },
    { text: `  ${note}`, style: 'dim' },
  ];
}

function buildNote({ targets, builders, held }: BulkState): string {
  if (held) return `${targets.building} building, others wait for pushes`;
  return `${targets.building} of ${builders} building, ${targets.waiting} to come`;
}

function pushNote({ targets, progress }: BulkState): string {
  if (progress === undefined) return '';
  const { unpushedBytes, bytesPerSecond, width } = progress;
  const open = targets.queued + targets.pushing;
  return `${open} on their way, ${formatBytes(unpushedBytes)}, ${width} uploads at once, ${formatRate(bytesPerSecond)}`;
}

function buildLines(builds: readonly ActiveBuild[], room: number, view: FrameView): Span[][] {
  if (room <= 0) return [];
  const fits = builds.length <= room;
  const shown = fits ? builds : builds.slice(0, room - 1);
  const lines = shown.map((build) => buildLine(build, view));
  if (!fits)
    lines.push([{ text: `  and ${builds.length - shown.length} more builds`, style: 'dim' }]);
  return lines;
}

function buildLine({ target, step, milliseconds }: ActiveBuild, view: FrameView): Span[] {
  const mark = view.unicode ? '…' : '~';
  const labelWidth = Math.max(8, Math.min(32, Math.floor((view.columns - 1) * 0.3)));
  const place =
    step === undefined
      ? 'starting'
      : `${step.number}${step.total === undefined ? '' : `/${step.total}`} ${cleanText(step.name)}`;
  return [
    { text: `  ${fitText(cleanText(target), labelWidth, mark)} ` },
    { text: `${formatClock(milliseconds).padStart(6)}  `, style: 'dim' },
    { text: place },
  ];
}
