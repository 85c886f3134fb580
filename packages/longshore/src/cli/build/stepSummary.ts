import { appendFile } from 'node:fs/promises';
import { errnoOf, LongshoreError } from '../../errors.ts';
import type { RunResult, TargetReport } from '../../run/index.ts';
import { endedCounts } from '../render/bulk/state.ts';
import { formatDuration } from '../render/format.ts';

/** GitHub shows no more than a MiB of a step's summary. */
const MAX_ROWS = 500;

/** Adds a run to the summary that GitHub Actions shows of a step. */
export async function appendStepSummary(path: string, result: RunResult): Promise<void> {
  try {
    await appendFile(path, stepSummary(result));
  } catch (cause) {
    throw new LongshoreError(
      `Cannot write the step summary ${path}: ${errnoOf(cause) ?? String(cause)}`,
      { code: 'ERR_REPORT', origin: 'disk', cause },
    );
  }
}

/** Markdown: what came of it in a line, then a table with what went wrong first. */
export function stepSummary({ targets, counts, milliseconds }: RunResult): string {
  const parts = endedCounts(counts).map(([count, word]) => `${count} ${word}`);
  const good = new Set(['built', 'pushed', 'unchanged']);
  const bad = targets.filter(({ state }) => !good.has(state));
  const rows = [...bad, ...targets.filter(({ state }) => good.has(state))];
  const more = rows.length > MAX_ROWS ? [`| and ${rows.length - MAX_ROWS} more | | |`] : [];
  return [
    `### longshore build: ${parts.join(', ')} in ${formatDuration(milliseconds)}`,
    '',
    '| image | state | |',
    '| --- | --- | --- |',
    ...rows.slice(0, MAX_ROWS).map(row),
    ...more,
    '',
    '',
  ].join('\n');
}

function row({ target, state, error, because, image }: TargetReport): string {
  const note =
    error?.message ?? (because === undefined ? (image?.digest ?? '') : `${because} has failed`);
  return `| ${[target, state, note].map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[|<>&`\\]/g, String.raw`\$&`);
}
