import type { Analysis } from '../analyse.ts';
import { isChoice } from '../arms.ts';
import type { TuneResults } from '../types.ts';
import { nounOf } from './format.ts';
import { SCHEMA, WIDTH } from './specParts.ts';
import type { Picture } from './specs.ts';
import type { Theme } from './theme.ts';

const STEPS = 80;

/** Goodput over workers with the fitted models. */
export function goodputSpec(
  results: TuneResults,
  { arms, fits, bound }: Analysis,
  theme: Theme,
): Picture | undefined {
  const bytes = results.runs.find(({ state }) => state === 'ok')?.bytes ?? bound?.bytes;
  // Without sizes the picture is of images a minute, which has the same shape.
  const scale = bytes === undefined ? 60 : bytes / 1e6;
  const points = arms.flatMap(({ arm, median }) =>
    isChoice(arm) ? [{ workers: arm.workers, goodput: scale / median }] : [],
  );
  if (points.length < 3 || fits === undefined) return undefined;
  const most = Math.max(...points.map(({ workers }) => workers));
  const curves = fits.fits.flatMap((fit) =>
    Array.from({ length: STEPS + 1 }, (_, i) => {
      const workers = 1 + ((most - 1) * i) / STEPS;
      return { workers, goodput: fit.at(workers) * scale, model: fit.model };
    }),
  );
  const models = fits.fits.map(({ model }) => model);
  const x = {
    field: 'workers',
    type: 'quantitative',
    axis: { title: nounOf(results.verb), grid: false },
    scale: { nice: false, domain: [1, most] },
  };
  const y = {
    field: 'goodput',
    type: 'quantitative',
    axis: { title: bytes === undefined ? 'images a minute' : 'MB/s' },
    scale: { zero: true },
  };
  const chosen =
    fits.chosen === undefined
      ? 'no model is surely better than the others'
      : `${fits.chosen} fits best`;
  return {
    name: 'goodput',
    title: 'Goodput with fitted models',
    caption: `Median goodput of each width, and four models of scaling fitted to it; by AICc, ${chosen}.`,
    spec: {
      $schema: SCHEMA,
      title: 'Goodput with fitted models',
      width: WIDTH,
      height: 240,
      layer: [
        {
          data: { values: curves },
          mark: { type: 'line', strokeWidth: 1.8 },
          encoding: {
            x,
            y,
            color: {
              field: 'model',
              type: 'nominal',
              scale: { domain: models, range: theme.fits },
              legend: { title: 'model' },
            },
            strokeDash: {
              field: 'model',
              type: 'nominal',
              scale: {
                domain: models,
                range: [
                  [1, 0],
                  [8, 4],
                  [3, 3],
                  [10, 3, 2, 3],
                ],
              },
              legend: { title: 'model' },
            },
          },
        },
        {
          data: { values: points },
          mark: { type: 'point', filled: true, size: 55, color: theme.text },
          encoding: { x, y },
        },
      ],
    },
  };
}
