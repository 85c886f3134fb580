import type { RunEvent } from '../../../run/index.ts';
import type { ErrorSummary } from '../../../transfer/index.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { formatFailure, type LastingLine, settledLines, warningText } from '../lasting.ts';
import { endedCounts, failedCount } from './state.ts';

/** What an event of a run leaves in a terminal for good. */
export function lastingRunLines(event: RunEvent): readonly LastingLine[] {
  if (event.type === 'target.state') return stateLines(event);
  if (event.type === 'target.retry') {
    return [{ text: `${event.target} is built again (${event.reason})`, style: 'yellow' }];
  }
  if (event.type === 'registry.warning') {
    return [{ text: warningText(event), style: 'yellow', once: true }];
  }
  return event.type === 'bulk.finished' ? finishLines(event) : [];
}

function stateLines(
  event: Extract<RunEvent, { readonly type: 'target.state' }>,
): readonly LastingLine[] {
  const { target } = event;
  if (event.to === 'failed-build') {
    return [{ text: formatFailure(`to build ${target}`, firstLine(event.error)), style: 'red' }];
  }
  if (event.to === 'failed-push') {
    const failed = event.tags.filter(({ state }) => state === 'failed');
    return failed.map(({ destination, error = event.error }) => ({
      text: formatFailure(`to push ${destination}`, error),
      style: 'red',
    }));
  }
  return [];
}

/** The output that a builder's message ends with is told at the end, from the log. */
function firstLine({ code, message }: ErrorSummary): ErrorSummary {
  return { code, message: message.split('\n', 1)[0] ?? message };
}

/** The last words about a run. */
export function finishLines({
  outcome,
  targets,
  milliseconds,
  sentBytes,
  settled,
}: Extract<RunEvent, { readonly type: 'bulk.finished' }>): LastingLine[] {
  const took = formatDuration(milliseconds);
  const parts = endedCounts(targets).map(([count, word]) => `${count} ${word}`);
  const rate = milliseconds > 0 ? ` (${formatRate((sentBytes / milliseconds) * 1000)})` : '';
  const sent = sentBytes > 0 ? `; ${formatBytes(sentBytes)} sent${rate}` : '';
  const lead =
    outcome === 'cancelled'
      ? `Interrupted after ${took}`
      : `${formatCount(targets.total, 'image')} in ${took}`;
  const style = outcome === 'succeeded' ? 'green' : failedCount(targets) > 0 ? 'red' : 'yellow';
  return [{ text: `${lead}: ${parts.join(', ')}${sent}`, style }, ...settledLines({ settled })];
}
