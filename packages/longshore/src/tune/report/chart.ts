import type { Analysis, ArmSummary } from '../analyse.ts';
import { isChoice } from '../arms.ts';
import { formatSeconds, nounOf } from './format.ts';

const MIN_COLUMNS = 20;

/**
 * Time over workers in text: a line for each arm, a dot at the median, the 95 % interval as a bar.
 * @param columns width of the whole chart
 */
export function terminalChart({ arms, recommendation, verb }: Analysis, columns = 80): string {
  if (arms.length === 0) return 'No run counts.';
  const noun = nounOf(verb);
  const lows = arms.map(({ time, median }) => Math.min(median, time?.low ?? median));
  const highs = arms.map(({ time, median }) => Math.max(median, time?.high ?? median));
  const from = Math.min(...lows);
  const to = Math.min(Math.max(...highs), 3 * Math.max(...arms.map(({ median }) => median)));
  const labels = arms.map(({ arm }) => arm.id);
  const width = Math.max(...labels.map((label) => label.length), noun.length);
  const room = Math.max(MIN_COLUMNS, columns - width - 14);
  const place = (value: number): number =>
    to <= from ? 0 : Math.round(((Math.min(value, to) - from) / (to - from)) * (room - 1));
  const lines = arms.map((summary) => {
    const chosen = isChoice(summary.arm) && summary.arm.workers === recommendation?.workers;
    return `${summary.arm.id.padStart(width)} ${timeCell(summary)}  ${bar(summary, place)}${chosen ? '  <-' : ''}`;
  });
  const axis = `${' '.repeat(width + 12)}${formatSeconds(from)}${formatSeconds(to).padStart(room - formatSeconds(from).length)}`;
  return [`${noun.padStart(width)}   median`, ...lines, axis].join('\n');
}

function timeCell({ median }: ArmSummary): string {
  return formatSeconds(median).padStart(9);
}

function bar({ median, time: interval }: ArmSummary, place: (seconds: number) => number): string {
  const dot = place(median);
  const low = interval === undefined ? dot : Math.min(place(interval.low), dot);
  const high = interval === undefined ? dot : Math.max(place(interval.high), dot);
  return `${' '.repeat(low)}${'-'.repeat(dot - low)}o${'-'.repeat(high - dot)}`;
}
