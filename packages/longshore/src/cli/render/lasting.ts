import type { ErrorSummary, TransferEvent } from '../../transfer/index.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from './format.ts';
import type { Style } from './paint.ts';
import { metLine, settledLine } from './settled.ts';
import type { ProgressState } from './state.ts';
import { cleanText } from './text.ts';

/** A line that stays in the terminal or the log. */
export interface LastingLine {
  readonly text: string;
  readonly style: Style;
  /** Not to be told a second time. */
  readonly once?: true;
}

/** What failed, why and what to do, in one line. */
export function formatFailure(reference: string, error: ErrorSummary): string {
  const hint = error.hint === undefined ? '' : `. ${error.hint}`;
  return cleanText(`failed ${reference}: ${error.message}${hint}`);
}

/** What an event of a pull or a push leaves in a terminal for good. */
export function lastingLines(event: TransferEvent): readonly LastingLine[] {
  if (event.type === 'image.failed') {
    return [{ text: formatFailure(event.reference, event.error), style: 'red' }];
  }
  if (event.type === 'registry.warning') {
    return [{ text: warningText(event), style: 'yellow', once: true }];
  }
  return event.type === 'run.finished' ? summaryLines(event) : [];
}

/** What a registry wants people to know. */
export function warningText({
  registry,
  text,
}: {
  readonly registry: string;
  readonly text: string;
}): string {
  return cleanText(`${registry} warns: ${text}`);
}

/**
 * The last words about a run: what came of it, what it moved, what it saved.
 * @param verb in the past, with a capital: `Pulled`
 */
export function summaryLines(
  finish: Extract<TransferEvent, { type: 'run.finished' }>,
  verb: string = finish.sentBytes === undefined ? 'Pulled' : 'Pushed',
): LastingLine[] {
  const { images, milliseconds, plan, outcome, sentBytes } = finish;
  const movedBytes = sentBytes ?? finish.fetchedBytes;
  const took = formatDuration(milliseconds);
  const rate =
    movedBytes > 0 && milliseconds > 0
      ? ` (${formatRate((movedBytes / milliseconds) * 1000)})`
      : '';
  const saved = [
    ...(plan !== undefined && plan.presentBytes > 0
      ? [`${formatBytes(plan.presentBytes)} already here`]
      : []),
    ...(plan !== undefined && plan.resumableBytes > 0
      ? [`${formatBytes(plan.resumableBytes)} resumed`]
      : []),
    ...(plan !== undefined && plan.sharedBytes > 0
      ? [`${formatBytes(plan.sharedBytes)} shared between images`]
      : []),
  ];
  const moved = [
    `${formatBytes(movedBytes)} ${sentBytes === undefined ? 'fetched' : 'sent'}${rate}`,
    ...saved,
  ].join(', ');
  const lost = lostLines(images);
  if (outcome === 'cancelled') {
    const text = `Interrupted after ${took}: ${images.done} of ${formatCount(images.total, 'image')} done, ${moved}`;
    return [{ text, style: 'yellow' }, ...settledLines(finish), ...lost];
  }
  const count =
    images.done === images.total
      ? formatCount(images.total, 'image')
      : `${images.done} of ${formatCount(images.total, 'image')}`;
  return [
    {
      text: `${verb} ${count} in ${took}: ${moved}`,
      style: images.failed > 0 ? 'yellow' : 'green',
    },
    ...settledLines(finish),
    ...lost,
  ];
}

/** What did not come to its end, where something has failed: what that has stopped is told with it. */
function lostLines({
  failed,
  cancelled,
}: Extract<TransferEvent, { type: 'run.finished' }>['images']): LastingLine[] {
  if (failed === 0) return [];
  const stopped = cancelled > 0 ? `, ${cancelled} cancelled` : '';
  return [{ text: `${formatCount(failed, 'image')} failed${stopped}`, style: 'red' }];
}

/** More servers than this are in the report, not in the log. */
const MAX_SETTLED = 4;

/** How wide a run settled at each server, and why. */
export function settledLines({
  settled,
}: Pick<Extract<TransferEvent, { type: 'run.finished' }>, 'settled'>): LastingLine[] {
  return settled.slice(0, MAX_SETTLED).flatMap((one): LastingLine[] => {
    const texts = [settledLine(one), metLine(one)].filter((text) => text !== undefined);
    return texts.map((text) => ({ text: cleanText(text), style: 'dim' }));
  });
}

/** What the planner found, for a log. */
export function planLine(plan: NonNullable<ProgressState['plan']>): string {
  const notes = [
    `${formatBytes(plan.fetchBytes)} to fetch in ${formatCount(plan.fetchBlobs, 'blob')}`,
    ...(plan.presentBytes > 0 ? [`${formatBytes(plan.presentBytes)} already here`] : []),
    ...(plan.resumableBytes > 0 ? [`${formatBytes(plan.resumableBytes)} resumed`] : []),
    ...(plan.sharedBytes > 0 ? [`${formatBytes(plan.sharedBytes)} shared between images`] : []),
  ];
  return `${formatCount(plan.images, 'image')} resolved: ${notes.join(', ')}`;
}
