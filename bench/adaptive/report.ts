import type { PullRow, PullSummary } from './pull.ts';
import type { PushRow } from './push.ts';

export interface Measured {
  readonly node: string;
  readonly named: { readonly summary: PullSummary; readonly rows: readonly PullRow[] };
  readonly random: readonly {
    readonly seed: number;
    readonly kind: string;
    readonly summary: PullSummary;
  }[];
  readonly push: readonly PushRow[];
  readonly fatLayers: readonly {
    readonly name: string;
    readonly wholeLayers: Readonly<Record<string, number>>;
    readonly sampledEvery100ms: number;
    readonly sampledEvery50ms: number;
    readonly requests: number;
  }[];
  readonly refusals: readonly {
    readonly limit: number;
    readonly firstRefusals: number;
    readonly refusals: number;
    readonly requests: number;
  }[];
  readonly shrinking: readonly {
    readonly shrink: string;
    readonly times: readonly { readonly name: string; readonly makespan: number }[];
  }[];
}

type Cell = string | number;

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const one = (value: number) => value.toFixed(1);
const three = (value: number) => value.toFixed(3);
const passed = (good: boolean) => (good ? 'yes' : 'NO');

function summaryRow(name: string, summary: PullSummary): Cell[] {
  const { scenarios, efficiency, tenth, worst, inTime, connections } = summary;
  const share = `${Math.round(100 * inTime)} %`;
  return [
    name,
    scenarios,
    three(efficiency),
    three(tenth),
    three(worst),
    share,
    connections.toFixed(2),
  ];
}

/** The results as a page: what `bench/results/adaptive/README.md` shows. */
export function report(measured: Measured): string {
  const sets = measured.random.map(({ seed, kind, summary }) =>
    summaryRow(`random, seed ${seed} (${kind})`, summary),
  );
  const named = measured.named.rows.map((row) => [
    row.name,
    `${row.bestWidth} / ${row.enough}`,
    one(row.best),
    one(row.makespan),
    three(row.efficiency),
    one(row.flows),
    one(row.toNinety),
    passed(row.inTime && row.narrow),
    ...['3', '6', '16', '32'].map((width) => (row.fixed?.[width] ?? 0).toFixed(2)),
    Object.entries(row.verdicts)
      .sort((a, b) => b[1] - a[1])
      .map(([bound, count]) => `${bound} ${count}`)
      .join(', '),
  ]);
  const push = measured.push.map((row) => [
    row.name,
    row.bestWidth,
    one(row.best),
    one(row.makespan),
    three(row.efficiency),
    one(row.stalled),
    one(row.fiveStalled),
    one(row.longestSilence),
    row.falseCancels,
    one(row.refusals),
  ]);
  const fat = measured.fatLayers.map((row) => [
    row.name,
    Object.entries(row.wholeLayers)
      .map(([width, time]) => `${width}: ${one(time)}`)
      .join(', '),
    row.sampledEvery100ms.toFixed(2),
    row.sampledEvery50ms.toFixed(2),
    Math.round(row.requests),
  ]);
  const limits = measured.refusals.map((row) => [
    row.limit,
    row.firstRefusals,
    one(row.refusals),
    Math.round(row.requests),
  ]);
  const ways = measured.shrinking.map(({ shrink, times }) => {
    const ratios = times.map(({ name, makespan }) => {
      const best = measured.named.rows.find((row) => row.name === name)?.best ?? makespan;
      return best / makespan;
    });
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    return [shrink, three(mean), three(Math.min(...ratios))];
  });
  return `# Adaptive concurrency in simulation

Written by \`node bench/adaptive/run.ts\` (Node ${measured.node}). Seconds, unless a column says otherwise.
Efficiency is the makespan of the best fixed width, found by trying sixteen of them, over that of the
controller. "Enough" is the smallest fixed width within 5 % of the best.

## Pull

${table(['set', 'scenarios', 'efficiency', 'lowest tenth', 'worst', 'within T*/0.95 + 3 s', 'connections / enough'], [summaryRow('named', measured.named.summary), ...sets])}

The named scenarios, 8 seeds and 3 repeats each. "In bounds": each repeat within T\\*/0.95 + 3 s and
at most max(10, 2.25 enough) connections. "To 90 %" is the median time to 90 % of the best average
goodput, from the step on where the link becomes faster.

${table(['scenario', 'best / enough', 'T*', 'T', 'efficiency', 'connections', 'to 90 %', 'in bounds', 'fixed 3', 'fixed 6', 'fixed 16', 'fixed 32', 'verdicts'], named)}

## Fat layers, 20 MB/s per connection

${table(['case', 'whole layers, by width', 'elastic, sampled every 100 ms', 'every 50 ms', 'requests'], fat)}

## Refusals of a registry that counts flows

First refusals: the most that any of five seeds saw before eight seconds passed without one.

${table(['refuses above', 'first refusals', 'refusals in all', 'requests'], limits)}

## What flows above the target do

${table(['way', 'mean efficiency, named', 'worst'], ways)}

## Push

Stalled: upload-seconds without progress. "Of 5": five pushers with a time-out of 300 s.

${table(['registry', 'best width', 'T*', 'T', 'efficiency', 'stalled', 'stalled of 5', 'longest silence', 'false cancels', 'refusals'], push)}
`;
}
