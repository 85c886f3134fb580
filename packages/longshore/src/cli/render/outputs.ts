import { formatBytes, formatClock, formatPercent } from './format.ts';
import type { ActiveOutput } from './state.ts';

/** What is done with an image on its way into an output. */
export function outputWord({ step, doneBytes, totalBytes }: ActiveOutput): string {
  if (step === 'read') return 'reading layers';
  return doneBytes === totalBytes ? 'finishing' : 'writing';
}

/** How long the rest of the step takes if it goes on as it went; `undefined` when that cannot be told. */
export function outputEtaMs(output: ActiveOutput): number | undefined {
  const { doneBytes, totalBytes, at, since } = output;
  const passedMs = at - since;
  if (totalBytes === undefined || passedMs < ETA_AFTER_MS || doneBytes === 0) return undefined;
  return (passedMs / doneBytes) * (totalBytes - doneBytes);
}

/** A rate is worth telling once a step has gone on for this long. */
const ETA_AFTER_MS = 2000;

/** `writing debian:12 45%, 1.14 GB of 2.54 GB, 16s left`, for a log. */
export function outputText(output: ActiveOutput): string {
  const { doneBytes, totalBytes, label } = output;
  const word = outputWord(output);
  if (totalBytes === undefined) return `${word} of ${label}: ${formatBytes(doneBytes)}`;
  if (doneBytes >= totalBytes) return `${word} ${label}`;
  const etaMs = outputEtaMs(output);
  const left = etaMs === undefined ? '' : `, ${formatClock(etaMs)} left`;
  const share = formatPercent(doneBytes, totalBytes);
  return `${word} ${label} ${share}, ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${left}`;
}
