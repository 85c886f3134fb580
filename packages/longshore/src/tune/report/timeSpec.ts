import { type Analysis, observationsOf } from '../analyse.ts';
import { isTwin, twinOf } from '../arms.ts';
import { TOLERANCE } from '../recommend.ts';
import type { TuneResults } from '../types.ts';
import { countOf, nounOf } from './format.ts';
import { armAxis, SCHEMA, WIDTH } from './specParts.ts';
import type { Picture } from './specs.ts';
import type { Theme } from './theme.ts';

/** Where the slowest takes this many times the fastest, equal ratios get equal heights. */
const LOGARITHMIC = 2.5;

/** Time over workers: every run, medians, intervals, the band that counts as good as the best. */
export function timeSpec(results: TuneResults, analysis: Analysis, theme: Theme): Picture {
  const ids = analysis.arms.filter(({ arm }) => !isTwin(arm)).map(({ arm }) => arm.id);
  const runs = observationsOf(results).map(({ arm, seconds, order }) => ({
    arm: isTwin({ id: arm }) ? twinOf({ id: arm }) : arm,
    seconds,
    order,
  }));
  const arms = analysis.arms
    .filter(({ arm }) => !isTwin(arm))
    .map(({ arm, median, time }) => ({
      arm: arm.id,
      median,
      low: time?.low ?? median,
      high: time?.high ?? median,
    }));
  const best = Math.min(...arms.map(({ median }) => median));
  const top = Math.max(...runs.map(({ seconds }) => seconds));
  // One or two runs give intervals that would squeeze the picture to a line.
  for (const arm of arms) arm.high = Math.min(arm.high, top * 1.1);
  for (const arm of arms) arm.low = Math.max(arm.low, best * 0.8);
  const chosen = chosenArm(analysis);
  const sure = analysis.recommendation?.certain ?? true;
  const noun = nounOf(results.verb);
  const x = armAxis(ids, noun);
  const wide = top > LOGARITHMIC * best;
  const y = {
    field: 'seconds',
    type: 'quantitative',
    axis: { title: wide ? 'seconds (logarithmic), less is better' : 'seconds, less is better' },
    scale: wide ? { type: 'log', nice: false } : { zero: false, nice: true },
  };
  return {
    name: 'time',
    title: `Time over ${noun}`,
    caption: `Each point is one run, coloured by its place in the sequence; the short line is the median, the bar its 95 % interval, the shaded band what lies within 5 % of the best median${chosen === undefined ? '' : `; the diamond is ${sure ? 'the answer' : 'what to use for now'}, ${countOf(chosen, results.verb)}`}.`,
    spec: {
      $schema: SCHEMA,
      title: `Time over ${noun}`,
      width: WIDTH,
      height: 340,
      layer: [
        {
          data: { values: [{ from: best, to: best * (1 + TOLERANCE) }] },
          mark: { type: 'rect', color: theme.band },
          encoding: { y: { ...y, field: 'from' }, y2: { field: 'to' } },
        },
        ...boundLayers(analysis, { theme, y }),
        {
          data: { values: arms },
          mark: { type: 'rule', color: theme.text, strokeWidth: 1.5 },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
        },
        {
          data: { values: arms },
          mark: { type: 'tick', color: theme.text, thickness: 2.5, width: 16 },
          encoding: { x, y: { ...y, field: 'median' } },
        },
        {
          data: { values: runs },
          mark: {
            type: 'point',
            filled: true,
            size: 34,
            opacity: 0.85,
            stroke: theme.text,
            strokeWidth: 0.6,
          },
          encoding: {
            x,
            y,
            color: {
              field: 'order',
              type: 'quantitative',
              scale: { scheme: theme.ramp },
              legend: { title: 'order of runs' },
            },
          },
        },
        {
          data: { values: arms.filter(({ arm }) => arm === chosen) },
          mark: {
            type: 'point',
            shape: 'diamond',
            size: 260,
            color: theme.accent,
            strokeWidth: 2.5,
            filled: false,
          },
          encoding: { x, y: { ...y, field: 'median' } },
        },
      ],
    },
  };
}

function chosenArm({ recommendation, sweep, blocks }: Analysis): string | undefined {
  if (recommendation !== undefined) {
    return String(recommendation.workers);
  }
  return sweep !== undefined && blocks <= 1 ? String(sweep.smallestWithin.workers) : undefined;
}

/** Where whole layers cannot go below, from the time that one worker took. */
function boundLayers(
  { arms, bound, verb }: Analysis,
  { theme, y }: { readonly theme: Theme; readonly y: Readonly<Record<string, unknown>> },
): readonly unknown[] {
  const one = arms.find(({ arm }) => arm.id === '1');
  if (bound === undefined || one === undefined || bound.layers < 2) return [];
  const seconds = one.median / bound.wholeLayerSpeedUp;
  const single = verb === 'push' ? 'one pusher' : 'one worker';
  const values = [{ seconds, text: `largest layer alone, at the rate of ${single}` }];
  return [
    {
      data: { values },
      mark: { type: 'rule', color: theme.even, strokeDash: [5, 4] },
      encoding: { y },
    },
    {
      data: { values },
      mark: { type: 'text', align: 'right', baseline: 'bottom', dy: -3, color: theme.even },
      encoding: { y, x: { value: WIDTH }, text: { field: 'text' } },
    },
  ];
}
