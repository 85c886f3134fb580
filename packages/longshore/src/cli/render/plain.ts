import { shortDigest } from '../../image/index.ts';
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
import type { Clock, Renderer } from './renderer.ts';
import { foldEvent, INITIAL_STATE, type ProgressState } from './state.ts';
import { cleanText } from './text.ts';

/** How often it is looked whether a line is due. */
const TICK_MS = 1000;
const SUMMARY_MS = 5000;
/** A run of an hour is told in some hundred lines, not in 720. */
const LONGEST_SUMMARY_MS = 30_000;
/** Up to so many images each gets a line when it is done; beyond that the summary counts them. */
const FEW_IMAGES = 10;
/** Of each kind of trouble (retries, throttling) at most one line in this time. */
const TROUBLE_MS = 5000;

/** Every five seconds at first, later every twelfth of the time passed, at most every half minute. */
export function summaryInterval(elapsedMs: number): number {
  return Math.min(LONGEST_SUMMARY_MS, Math.max(SUMMARY_MS, elapsedMs / 12));
}

/** Lines for logs: changes of state that matter, and now and then how far it is. No escape codes. */
export function createPlainRenderer(write: (text: string) => void, clock: Clock): Renderer {
  let state = INITIAL_STATE;
  let summaryAt = clock.now();
  const warned = new Set<string>();
  const line = (text: string): void => write(`${cleanText(text)}\n`);
  const retries = limitLines(line, clock, ['retry', 'retries']);
  const widths = limitLines(line, clock, ['change of width', 'changes of width']);
  const throttles = limitLines(line, clock, ['request to slow down', 'requests to slow down']);

  const tick = (): void => {
    const due = summaryAt + summaryInterval(clock.now() - state.startedAt);
    if (clock.now() < due || state.phase === 'finished' || state.startedAt === 0) return;
    summaryAt = clock.now();
    retries.flush();
    throttles.flush();
    line(progressLine(state));
  };

  const tell = (event: TransferEvent): void => {
    switch (event.type) {
      case 'run.started':
        summaryAt = clock.now();
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
        return retries.line(
          `retrying ${shortDigest(event.digest)} in ${formatDuration(event.delayMs)}: ${event.error.message}`,
        );
      case 'registry.retry':
        return retries.line(
          `retrying ${event.request} on ${event.origin} in ${formatDuration(event.delayMs)}: ${event.reason}`,
        );
      case 'registry.throttled': {
        const wait =
          event.retryAfterMs === undefined ? '' : ` for ${formatDuration(event.retryAfterMs)}`;
        return throttles.line(`${event.origin} asks to slow down (${event.status})${wait}`);
      }
      case 'push.width':
        return widths.line(
          `${event.registry}: ${formatCount(event.width, 'upload')} at once (${event.reason})`,
        );
      case 'registry.warning': {
        const text = `${event.registry} warns: ${event.text}`;
        if (!warned.has(text)) line(text);
        warned.add(text);
        return;
      }
      case 'run.finished':
        retries.flush();
        throttles.flush();
        for (const { text } of summaryLines(event)) line(text);
        return;
      case 'image.resolved':
      case 'blob.started':
      case 'blob.waiting':
      case 'blob.done':
      case 'blob.failed':
      case 'blob.pushed':
      case 'upload.cut':
      case 'progress':
      case 'run.draining':
      case 'registry.quota':
        return;
    }
  };

  const stopTicking = clock.every(TICK_MS, tick);
  return {
    onEvent(event) {
      state = foldEvent(state, event);
      tell(event);
    },
    notice(_level, text) {
      line(text);
    },
    close() {
      stopTicking();
      retries.flush();
      throttles.flush();
    },
  };
}

function progressLine(state: ProgressState): string {
  const { images, doneBytes, totalBytes, bytesPerSecond, etaMs } = state;
  const failed = images.failed > 0 ? `, ${images.failed} failed` : '';
  if (state.plan === undefined && state.verb === 'pull') {
    return `Resolving: ${images.resolved} of ${formatCount(images.total, 'image')}${failed}`;
  }
  const left = etaMs === undefined ? '' : `, ${formatClock(etaMs)} left`;
  const bytes = `${formatPercent(doneBytes, totalBytes)}, ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  return `${bytes} at ${formatRate(bytesPerSecond)}${left}; ${images.done} of ${formatCount(images.total, 'image')} done${failed}`;
}

/** Lets the first line of a kind through at once, then one at a time with the number left out. */
function limitLines(
  write: (text: string) => void,
  clock: Clock,
  [one, many]: readonly [one: string, many: string],
): { line: (text: string) => void; flush: () => void } {
  let lastAt = Number.NEGATIVE_INFINITY;
  let heldBack = 0;
  const flush = (): void => {
    if (heldBack > 0) write(`and ${heldBack} more ${heldBack === 1 ? one : many}`);
    heldBack = 0;
  };
  return {
    line(text) {
      if (clock.now() - lastAt < TROUBLE_MS) {
        heldBack += 1;
        return;
      }
      flush();
      lastAt = clock.now();
      write(text);
    },
    flush,
  };
}

function atOnce(workers: number | 'auto'): string {
  return workers === 'auto' ? 'as many at once as pays' : `${workers} at once`;
}
