import type { Analysis } from '../analyse.ts';
import type { TuneResults } from '../types.ts';
import { autoSpec } from './autoSpec.ts';
import { ganttSpec } from './ganttSpec.ts';
import { goodputSpec } from './goodputSpec.ts';
import { residualSpec } from './residualSpec.ts';
import { type ChartSpec, configOf } from './specParts.ts';
import type { Theme } from './theme.ts';
import { timeSpec } from './timeSpec.ts';

/** One picture: what it is called, what it shows, and its Vega-Lite specification, data included. */
export interface Picture {
  readonly name: string;
  readonly title: string;
  /** For those who cannot see it, and below it for those who can. */
  readonly caption: string;
  readonly spec: ChartSpec;
}

/** All pictures that the data give something for. */
export function makePictures(
  results: TuneResults,
  analysis: Analysis,
  theme: Theme,
): readonly Picture[] {
  const makers = [timeSpec, residualSpec, goodputSpec, ganttSpec, autoSpec];
  return makers.flatMap((make) => {
    const picture = make(results, analysis, theme);
    if (picture === undefined) return [];
    const spec = { ...picture.spec, config: configOf(theme), background: theme.background };
    return [{ ...picture, spec }];
  });
}
