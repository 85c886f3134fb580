import type { RunEvent } from '../../../run/index.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import type { Renderers } from '../open.ts';
import { atOnce, createLogRenderer, type LogWriter } from '../plain.ts';
import type { Renderer } from '../renderer.ts';
import { cleanText } from '../text.ts';
import { createTtyRenderer } from '../tty.ts';
import { renderBulkFrame } from './frame.ts';
import { finishLines, lastingRunLines } from './lasting.ts';
import {
  type BulkState,
  builtCount,
  failedCount,
  foldRunEvent,
  INITIAL_BULK,
  upCount,
} from './state.ts';

/** How runs of builds and pushes are shown. */
export const BULK_RENDERERS: Renderers<RunEvent> = {
  tty: (terminal, clock) =>
    createTtyRenderer(terminal, clock, {
      initial: INITIAL_BULK,
      fold: foldRunEvent,
      frame: renderBulkFrame,
      lasting: lastingRunLines,
    }),
  plain: (write, clock) =>
    createLogRenderer(write, clock, {
      initial: INITIAL_BULK,
      fold: foldRunEvent,
      tell,
      progress,
      runsSince: ({ phase, startedAt }) =>
        phase === 'running' || phase === 'draining' ? startedAt : undefined,
    }),
  quiet,
};

/** Up to so many images each gets a line when it is up; beyond that the summary counts them. */
const FEW_IMAGES = 10;

function tell(event: RunEvent, state: BulkState, { line, troubles }: LogWriter): void {
  switch (event.type) {
    case 'bulk.started':
      return line(startLine(event));
    case 'target.state':
      for (const { text } of lastingRunLines(event)) line(text);
      if (state.targets.total <= FEW_IMAGES) tellFew(event, line);
      return;
    case 'target.retry':
      for (const { text } of lastingRunLines(event)) line(text);
      return;
    case 'bulk.held':
      return line(
        event.held
          ? `Builds wait: ${formatBytes(event.unpushedBytes)} are built and not pushed`
          : 'Builds go on',
      );
    case 'blob.retry':
    case 'registry.retry':
    case 'registry.throttled':
    case 'registry.warning':
    case 'push.width':
      return troubles.tell(event);
    case 'bulk.finished':
      troubles.flush();
      for (const { text } of finishLines(event)) line(text);
      return;
    case 'blob.started':
    case 'blob.waiting':
    case 'blob.done':
    case 'blob.failed':
    case 'blob.pushed':
    case 'upload.cut':
    case 'registry.quota':
    case 'target.step':
    case 'bulk.progress':
    case 'bulk.draining':
      return;
  }
}

function tellFew(
  event: Extract<RunEvent, { readonly type: 'target.state' }>,
  line: (text: string) => void,
): void {
  if (event.to === 'queued' || event.to === 'built') {
    line(`built ${event.target} ${event.image.digest} in ${formatDuration(event.milliseconds)}`);
  } else if (event.to === 'pushed' || event.to === 'unchanged') {
    for (const { destination, state } of event.tags) line(`${state} ${destination}`);
  } else if (event.to === 'skipped') {
    line(`skipped ${event.target}: it is built from ${event.because}, which has failed`);
  }
}

function startLine(event: Extract<RunEvent, { readonly type: 'bulk.started' }>): string {
  const { targets, builders, pushers, builder, built, up } = event;
  const pushing = pushers === undefined ? '' : `; pushing ${atOnce(pushers)}`;
  const before = built + up > 0 ? `; up already: ${up}, built and not pushed: ${built}` : '';
  return `Building ${formatCount(targets, 'image')} with ${builder}, ${builders} at once${pushing}${before}`;
}

function progress(state: BulkState): string {
  const { targets, progress: last, pushes, held } = state;
  const failed = failedCount(targets);
  const parts = [
    `${builtCount(targets)} of ${targets.total} built`,
    ...(pushes ? [`${upCount(targets)} up`] : []),
    ...(pushes && last !== undefined && last.unpushedBytes > 0
      ? [`${formatBytes(last.unpushedBytes)} to push at ${formatRate(last.bytesPerSecond)}`]
      : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    `${targets.building} building${held ? ', held back' : ''}`,
  ];
  return parts.join(', ');
}

/** Nothing but what went wrong. */
function quiet(write: (text: string) => void): Renderer<RunEvent> {
  return {
    onEvent(event) {
      if (event.type !== 'target.state') return;
      for (const { text } of lastingRunLines(event)) write(`${text}\n`);
    },
    notice(level, text) {
      if (level !== 'info') write(`${cleanText(text)}\n`);
    },
    close() {},
  };
}
