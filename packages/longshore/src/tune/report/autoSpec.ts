import type { Analysis } from '../analyse.ts';
import type { TuneResults } from '../types.ts';
import { SCHEMA, WIDTH } from './specParts.ts';
import type { Picture } from './specs.ts';
import type { Theme } from './theme.ts';

/** Width and goodput of one `auto` run over its time. */
export function autoSpec(results: TuneResults, _: Analysis, theme: Theme): Picture | undefined {
  const run = results.runs.find(
    ({ arm, state, samples = [] }) => arm === 'auto' && state === 'ok' && samples.length >= 3,
  );
  if (run?.samples === undefined) return undefined;
  const values = run.samples.map(({ at, width, bytesPerSecond }) => ({
    at,
    width,
    rate: bytesPerSecond / 1e6,
  }));
  const what = results.verb === 'push' ? 'uploads' : 'connections';
  const x = { field: 'at', type: 'quantitative', axis: { title: 'seconds', grid: false } };
  const panel = (field: string, title: string, mark: Readonly<Record<string, unknown>>) => ({
    width: WIDTH,
    height: 110,
    mark,
    encoding: { x, y: { field, type: 'quantitative', axis: { title }, scale: { zero: true } } },
  });
  return {
    name: 'auto',
    title: 'What auto did',
    caption: `Above how many ${what} at once auto chose over the run, below the goodput.`,
    spec: {
      $schema: SCHEMA,
      title: 'What auto did',
      data: { values },
      vconcat: [
        panel('width', what, {
          type: 'line',
          interpolate: 'step-after',
          color: theme.odd,
          strokeWidth: 2,
        }),
        panel('rate', 'MB/s', { type: 'line', color: theme.even, strokeWidth: 2 }),
      ],
    },
  };
}
