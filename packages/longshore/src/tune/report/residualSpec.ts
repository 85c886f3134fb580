import { type Analysis, observationsOf } from '../analyse.ts';
import { mean, median } from '../stats/moments.ts';
import type { TuneResults } from '../types.ts';
import { SCHEMA, WIDTH } from './specParts.ts';
import type { Picture } from './specs.ts';
import type { Theme } from './theme.ts';

/** What is left of each run when its arm is taken out, over the sequence, odd and even told apart. */
export function residualSpec(
  results: TuneResults,
  { arms, blocks }: Analysis,
  theme: Theme,
): Picture | undefined {
  const observations = observationsOf(results).filter(({ arm }) => /^\d+/.test(arm));
  if (observations.length < 6) return undefined;
  const overall = median(observations.map(({ seconds }) => seconds));
  const typical = new Map(arms.map(({ arm, median: m }) => [arm.id, m]));
  // With one run for each width a width's median is the run itself; the level of all is what is left.
  const levelOf = (arm: string): number => (blocks > 1 ? (typical.get(arm) ?? overall) : overall);
  const values = observations.map(({ arm, order, seconds }) => ({
    order,
    percent: (seconds / levelOf(arm) - 1) * 100,
    parity: Number.parseInt(arm, 10) % 2 === 1 ? 'odd' : 'even',
  }));
  const levels = ['odd', 'even'].map((parity) => ({
    parity,
    percent: mean(values.filter((v) => v.parity === parity).map((v) => v.percent)),
  }));
  const color = {
    field: 'parity',
    type: 'nominal',
    scale: { domain: ['odd', 'even'], range: [theme.odd, theme.even] },
    legend: { title: 'count' },
  };
  const y = {
    field: 'percent',
    type: 'quantitative',
    axis: { title: blocks > 1 ? '% off the median of its width' : '% off the median of all runs' },
  };
  return {
    name: 'residuals',
    title: 'What is left, by order and parity',
    caption:
      'Each run against the typical time, over its place in the sequence; odd counts are circles, even ones squares, dashed lines their means. A trend is drift; two separate levels are parity, of the count or of the place.',
    spec: {
      $schema: SCHEMA,
      title: 'What is left, by order and parity',
      width: WIDTH,
      height: 220,
      layer: [
        {
          data: { values: levels },
          mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5 },
          encoding: { y, color },
        },
        {
          data: { values },
          mark: { type: 'point', size: 50, strokeWidth: 1.6 },
          encoding: {
            x: {
              field: 'order',
              type: 'quantitative',
              axis: { title: 'place in the sequence', grid: false },
              scale: { nice: false },
            },
            y,
            color,
            shape: {
              field: 'parity',
              type: 'nominal',
              scale: { domain: ['odd', 'even'], range: ['circle', 'square'] },
              legend: { title: 'count' },
            },
          },
        },
      ],
    },
  };
}
