import type { Analysis } from '../analyse.ts';
import type { BlobSpan, Run, TuneResults } from '../types.ts';
import { countOf } from './format.ts';
import { SCHEMA, WIDTH } from './specParts.ts';
import type { Picture } from './specs.ts';
import type { Theme } from './theme.ts';

/** More bars than this are no picture. */
const MAX_BARS = 400;

/** Which blob moved when, on as many lines as there were at once. */
export function ganttSpec(
  results: TuneResults,
  analysis: Analysis,
  theme: Theme,
): Picture | undefined {
  const run = tracedRun(results, analysis);
  const spans = run?.blobs ?? [];
  if (run === undefined || spans.length < 2 || spans.length > MAX_BARS) return undefined;
  const values = assignLines(spans).map(({ span, line }) => ({
    line,
    start: span.start,
    end: span.end,
    megabytes: span.bytes / 1e6,
    digest: span.digest.slice(0, 15),
  }));
  const lines = Math.max(...values.map(({ line }) => line));
  const what = countOf(run.arm, results.verb);
  const told =
    results.verb === 'push'
      ? `One run with ${what}: each bar is a blob from the first byte sent to the registry's answer, coloured by its size.`
      : `One run with ${what}: each bar is a blob from its first request to verified, coloured by its size; a blob that was split among workers is one bar.`;
  return {
    name: 'gantt',
    title: 'Blobs over time',
    caption: told,
    spec: {
      $schema: SCHEMA,
      title: `Blobs over time: one run with ${what}`,
      width: WIDTH,
      height: Math.min(360, 40 + lines * 22),
      data: { values },
      mark: { type: 'bar', stroke: theme.background, strokeWidth: 1, cornerRadius: 2 },
      encoding: {
        x: { field: 'start', type: 'quantitative', axis: { title: 'seconds' } },
        x2: { field: 'end' },
        y: { field: 'line', type: 'ordinal', axis: { title: 'at once', grid: false } },
        color: {
          field: 'megabytes',
          type: 'quantitative',
          scale: { scheme: theme.ramp, reverse: theme.name === 'light' },
          legend: { title: 'MB' },
        },
      },
    },
  };
}

/** The run of the width that is recommended, else the last that was traced. */
function tracedRun(results: TuneResults, { recommendation }: Analysis): Run | undefined {
  const traced = results.runs.filter(({ state, blobs }) => state === 'ok' && blobs !== undefined);
  return traced.find(({ arm }) => arm === String(recommendation?.workers)) ?? traced.at(-1);
}

/** Puts each span on the first line that is free when it starts. */
function assignLines(
  spans: readonly BlobSpan[],
): readonly { readonly span: BlobSpan; readonly line: number }[] {
  const freeAt: number[] = [];
  return spans
    .toSorted((a, b) => a.start - b.start)
    .map((span) => {
      const free = freeAt.findIndex((end) => end <= span.start);
      const line = free < 0 ? freeAt.length : free;
      freeAt[line] = span.end;
      return { span, line: line + 1 };
    });
}
