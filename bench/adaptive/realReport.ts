import type { Machine } from '../pull/machine.ts';
import { judgeReal } from './realJudge.ts';
import type { RealRun } from './realPull.ts';
import type { RealScenario } from './realScenarios.ts';

/** All runs of one sweep. */
export interface RealResult {
  readonly scenario: RealScenario;
  readonly startedAt: string;
  readonly machine: Machine;
  /** Where the store and the registry had their files. @defaultValue '/tmp' */
  readonly folder?: string;
  readonly runs: readonly RealRun[];
}

/** The sweeps as a page: `bench/results/adaptive/real.md`. */
export function realReport(results: readonly RealResult[]): string {
  const [first] = results;
  const machine = first === undefined ? '' : `${first.machine.cores} x ${first.machine.cpu}`;
  const rows = results.map(({ scenario, runs, startedAt, folder = '/tmp' }) => {
    const { best, bestWidth, enough, auto, limit, connections, inTime, narrow, byWidth } =
      judgeReal(runs);
    const autos = runs.filter(({ workers }) => workers === 'auto');
    const says = [...new Set(autos.map((run) => run.says ?? '-'))].join(', ');
    const refusals = autos.map(({ counted }) => counted.refusals).join(', ');
    const loads = runs.map(({ load }) => load);
    const cells = [
      scenario.name,
      scenario.what,
      `${bestWidth} / ${enough}`,
      best.toFixed(1),
      `${auto.toFixed(1)} (${limit.toFixed(1)})`,
      `${connections.toFixed(1)} (${(1.5 * enough).toFixed(1)})`,
      inTime ? 'yes' : 'NO',
      narrow ? 'yes' : 'NO',
      says,
      refusals,
      byWidth.map(([width, seconds]) => `${width}: ${seconds.toFixed(1)}`).join(', '),
      `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`,
      startedAt.slice(0, 16),
      folder,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return `# Adaptive concurrency over real sockets

Written by \`node bench/adaptive/real.ts\` on ${machine}. Whole processes of the package as npm installs it,
into a cold store in the folder that the last column names, with nothing remembered of the host; one run of
each width and several of \`--workers auto\` in random order, medians. "Enough" is the smallest width within 5 % of the best. In
brackets: the goal, 10 % and 3 s above the best, and 1.5 times what is enough. Widths that are missing
were stopped: at the bound of the scenario, or at 1.5 times the best so far and 3 s. The raw runs are in \`real/\`.

| scenario | what | best / enough | best, s | auto, s | connections | in time | narrow | auto says | refusals of each auto run | seconds by width | load | at | in |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
