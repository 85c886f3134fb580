import type { TransferEvent } from '../../transfer/index.ts';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
} from './format.ts';
import { formatFailure, planLine, summaryLines } from './lasting.ts';
import { outputText } from './outputs.ts';
import type { Clock, Renderer } from './renderer.ts';
import { foldEvent, INITIAL_STATE, type ProgressState } from './state.ts';
import { cleanText } from './text.ts';
import { openTroubles, type Troubles } from './troubles.ts';

/** How often it is looked whether a line is due. */
const TICK_MS = 1000;
const SUMMARY_MS = 5000;
/** A run of an hour is told in some hundred lines, not in 720. */
const LONGEST_SUMMARY_MS = 30_000;
/** Up to so many images each gets a line when it is done; beyond that the summary counts them. */
const FEW_IMAGES = 10;

/** Every five seconds at first, later every twelfth of the time passed, at most every half minute. */
export function summaryInterval(elapsedMs: number): number {
  return Math.min(LONGEST_SUMMARY_MS, Math.max(SUMMARY_MS, elapsedMs / 12));
}

/** A kind of run as a log tells it. */
export interface LogView<S, E> {
  readonly initial: S;
  readonly fold: (state: S, event: E) => S;
  /** Writes what an event is worth; `state` is the one after it. */
  readonly tell: (event: E, state: S, write: LogWriter) => void;
  /** How far it is, in one line. */
  readonly progress: (state: S) => string;
  /** When it began, in milliseconds since the epoch; `undefined` before and after. */
  readonly runsSince: (state: S) => number | undefined;
}

export interface LogWriter {
  readonly line: (text: string) => void;
  readonly troubles: Troubles;
}

/** Lines for logs: changes of state that matter, and now and then how far it is. No escape codes. */
export function createLogRenderer<S, E>(
  write: (text: string) => void,
  clock: Clock,
  view: LogView<S, E>,
): Renderer<E> {
  let state = view.initial;
  let since: number | undefined;
  let summaryAt = clock.now();
  const line = (text: string): void => write(`${cleanText(text)}\n`);
  const troubles = openTroubles(line, clock);

  const tick = (): void => {
    if (since === undefined) return;
    if (clock.now() < summaryAt + summaryInterval(clock.now() - since)) return;
    summaryAt = clock.now();
    line(view.progress(state));
  };

  const stopTicking = clock.every(TICK_MS, tick);
  return {
    onEvent(event) {
      state = view.fold(state, event);
      const before = since;
      since = view.runsSince(state);
      if (before === undefined) summaryAt = clock.now();
      view.tell(event, state, { line, troubles });
    },
    notice(_level, text) {
      line(text);
    },
    close() {
      stopTicking();
      troubles.flush();
    },
  };
}

/** The log of a pull or a push. */
export function createPlainRenderer(write: (text: string) => void, clock: Clock): Renderer {
  return createLogRenderer(write, clock, {
    initial: INITIAL_STATE,
    fold: foldEvent,
    tell,
    progress: progressLine,
    runsSince: ({ phase, startedAt }) =>
      phase === 'finished' || startedAt === 0 ? undefined : startedAt,
  });
}

function tell(event: TransferEvent, state: ProgressState, { line, troubles }: LogWriter): void {
  switch (event.type) {
    case 'run.started':
      return line(
        `${event.verb === 'push' ? 'Pushing' : 'Pulling'} ${formatCount(event.images, 'image')}, ${atOnce(event.workers)}`,
      );
    case 'plan.ready':
      return event.images > 0 ? line(planLine(event)) : undefined;
    case 'image.done': {
      if (state.images.total > FEW_IMAGES) return;
      const took = formatDuration(event.milliseconds);
      return line(`${event.how ?? 'done'} ${event.reference} ${event.digest} in ${took}`);
    }
    case 'image.failed':
      return line(formatFailure(event.reference, event.error));
    case 'blob.retry':
    case 'registry.retry':
    case 'registry.throttled':
    case 'registry.warning':
    case 'push.width':
      return troubles.tell(event);
    case 'run.finished':
      troubles.flush();
      for (const { text } of summaryLines(event)) line(text);
      return;
    case 'image.resolved':
    case 'blob.started':
    case 'blob.waiting':
    case 'blob.done':
    case 'blob.failed':
    case 'blob.pushed':
    case 'upload.cut':
    case 'output.progress':
    case 'output.done':
    case 'progress':
    case 'run.draining':
    case 'registry.quota':
      return;
  }
}

function progressLine(state: ProgressState): string {
  const { images, doneBytes, totalBytes, bytesPerSecond, etaMs, outputs } = state;
  const failed = images.failed > 0 ? `, ${images.failed} failed` : '';
  if (state.plan === undefined && state.verb === 'pull') {
    return `Resolving: ${images.resolved} of ${formatCount(images.total, 'image')}${failed}`;
  }
  const left = etaMs === undefined ? '' : `, ${formatClock(etaMs)} left`;
  const bytes = `${formatPercent(doneBytes, totalBytes)}, ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  const moving = totalBytes > 0 && doneBytes < totalBytes;
  const parts = [
    ...(moving || outputs.length === 0 ? [`${bytes} at ${formatRate(bytesPerSecond)}${left}`] : []),
    ...outputs.slice(0, SHOWN_OUTPUTS).map(outputText),
    `${images.done} of ${formatCount(images.total, 'image')} done${failed}`,
  ];
  return parts.join('; ');
}

/** More would make the line long. */
const SHOWN_OUTPUTS = 2;

export function atOnce(workers: number | 'auto'): string {
  return workers === 'auto' ? 'as many at once as pays' : `${workers} at once`;
}
