import { type Analysis, analyse } from './analyse.ts';
import { isChoice } from './arms.ts';
import { configOf, SCHEMA, WIDTH } from './report/specParts.ts';
import type { Picture } from './report/specs.ts';
import type { Theme } from './report/theme.ts';
import { LIGHT } from './report/theme.ts';
import type { TuneResults } from './types.ts';

/** One experiment beside others. */
export interface Machine {
  readonly name: string;
  readonly results: TuneResults;
  readonly analysis: Analysis;
}

export interface Comparison {
  readonly machines: readonly Machine[];
  /** What is not the same everywhere, and so may be why answers differ. */
  readonly differs: readonly string[];
  /** The answers, where all machines have one and it is the same. */
  readonly agreed?: number;
  readonly warnings: readonly string[];
}

/** Puts experiments side by side. Times of different images are not compared, only their shapes. */
export function compareResults(
  given: readonly { readonly name: string; readonly results: TuneResults }[],
): Comparison {
  const machines = given.map((one) => ({ ...one, analysis: analyse(one.results) }));
  const answers = machines.map(({ analysis: { recommendation } }) =>
    recommendation?.certain === true ? recommendation.workers : undefined,
  );
  const [first] = answers;
  const agreed = first !== undefined && answers.every((answer) => answer === first);
  const images = new Set(
    given.map(({ results }) =>
      results.images
        .map(({ digest }) => digest)
        .toSorted()
        .join(),
    ),
  );
  return {
    machines,
    differs: differences(given.map(({ results }) => results)),
    ...(agreed ? { agreed: first } : {}),
    warnings:
      images.size > 1
        ? [
            'The images are not the same everywhere: compare where curves bend, not how long pulls take',
          ]
        : [],
  };
}

function differences(all: readonly TuneResults[]): string[] {
  const facts: Readonly<Record<string, (results: TuneResults) => unknown>> = {
    processor: ({ environment }) => environment?.cpu,
    cores: ({ environment }) => environment?.cores,
    memory: ({ environment }) => environment?.memoryBytes,
    system: ({ environment }) => environment?.system,
    Node: ({ environment }) => environment?.node,
    Longshore: ({ environment }) => environment?.longshore,
    'file system': ({ environment }) => environment?.fileSystem,
    registry: ({ environment }) => environment?.registry,
    'address family': ({ environment }) => environment?.addressFamily,
    // Within a factor of two is the same line on another day.
    'time to connect': ({ environment }) => Math.round(Math.log2(environment?.rttMs ?? 1)),
    image: ({ images }) => images.map(({ digest }) => digest).join(),
    design: ({ design }) => design,
  };
  return Object.entries(facts).flatMap(([name, read]) =>
    new Set(all.map(read)).size > 1 ? [name] : [],
  );
}

/** Time over workers of all machines, each relative to its own best. */
export function comparisonPicture(
  { machines }: Pick<Comparison, 'machines'>,
  theme: Theme = LIGHT,
): Picture {
  const values = machines.flatMap(({ name, analysis: { arms } }) => {
    const choices = arms.filter(({ arm }) => isChoice(arm));
    const best = Math.min(...choices.map(({ median }) => median));
    return choices.map(({ arm, median }) => ({
      machine: name,
      workers: arm.workers,
      ratio: median / best,
    }));
  });
  const names = machines.map(({ name }) => name);
  const x = {
    field: 'workers',
    type: 'quantitative',
    scale: { type: 'log', base: 2, nice: false },
    axis: { title: 'workers', grid: false, format: 'd' },
  };
  const y = {
    field: 'ratio',
    type: 'quantitative',
    axis: { title: 'median time over the best median' },
    scale: { zero: false },
  };
  const machine = {
    field: 'machine',
    type: 'nominal',
    scale: { domain: names },
    legend: { title: null },
  };
  return {
    name: 'compare',
    title: 'Time over workers, relative to the best of each',
    caption:
      'Each line is one experiment; 1 is its own best median, the shaded band what lies within 5 % of it.',
    spec: {
      $schema: SCHEMA,
      title: 'Time over workers, relative to the best of each',
      width: WIDTH,
      height: 320,
      background: theme.background,
      config: {
        ...configOf(theme),
        range: { category: [theme.odd, theme.even, theme.accent, ...theme.fits] },
      },
      layer: [
        {
          data: { values: [{ from: 1, to: 1.05 }] },
          mark: { type: 'rect', color: theme.band },
          encoding: { y: { ...y, field: 'from' }, y2: { field: 'to' } },
        },
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 2 },
          encoding: { x, y, color: machine, strokeDash: machine },
        },
        {
          data: { values },
          mark: { type: 'point', size: 55, strokeWidth: 1.8 },
          encoding: { x, y, color: machine, shape: machine },
        },
      ],
    },
  };
}
