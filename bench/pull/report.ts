import type { Machine } from './machine.ts';
import type { MemoryRow } from './memory.ts';
import { type Block, summarise } from './paired.ts';
import type { ReferencesResult } from './references.ts';
import type { Startup } from './startup.ts';

/** Everything that one call of the benchmark measured, as it is written to disk. */
export interface Results {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly versions: readonly string[];
  /** The build that npm installs, or the sources that a checkout runs. */
  readonly longshoreRuns: 'as installed' | 'from its sources';
  readonly commit: string;
  readonly image: { readonly bytes: number; readonly layers: readonly number[] };
  readonly paired: readonly { readonly scheme: string; readonly blocks: readonly Block[] }[];
  readonly memory: readonly MemoryRow[];
  readonly startup: Startup | undefined;
  readonly references: ReferencesResult | undefined;
}

/** What the project set out to reach against skopeo: issue "Pull many images at once". */
const GOALS = {
  'plain HTTP': { wall: 0.6, cpu: 0.55 },
  TLS: { wall: 0.75, cpu: 0.7 },
} as const;
const GOAL_RSS_MIB = 120;
const GOAL_STARTUP = 2;

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const verdict = (met: boolean): string => (met ? 'met' : 'MISSED');

/** The results as text for a terminal, goals beside what was reached. */
export function renderResults(results: Results): string {
  const { machine, image } = results;
  return [
    `${machine.cores} x ${machine.cpu}, ${machine.memoryGib} GiB, ${machine.system}, Linux ${machine.kernel}`,
    ...results.versions,
    `longshore runs ${results.longshoreRuns}`,
    `image: ${image.layers.length} layers, ${mb(image.bytes)}, incompressible; commit ${results.commit}`,
    ...results.paired.flatMap(({ scheme, blocks }) => renderPaired(scheme, blocks)),
    ...renderMemory(results.memory),
    ...renderStartup(results.startup),
    ...renderReferences(results.references),
  ].join('\n');
}

function renderPaired(scheme: string, blocks: readonly Block[]): readonly string[] {
  const rows = summarise(blocks, 'longshore');
  const lines = rows.map(({ puller, cost, wallRatio, cpuRatio }) =>
    [
      puller.padEnd(12),
      cost.wallSeconds.toFixed(2).padStart(7),
      cost.cpuSeconds.toFixed(2).padStart(7),
      cost.maxRssMib.toFixed(0).padStart(8),
      ...[wallRatio, cpuRatio].map(({ median, lowest, highest }) =>
        puller === 'longshore'
          ? ''
          : `   ${median.toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`,
      ),
    ].join(' '),
  );
  const skopeo = rows.find(({ puller }) => puller === 'skopeo');
  const goal = scheme === 'TLS' ? GOALS.TLS : GOALS['plain HTTP'];
  return [
    '',
    `${scheme}, ${blocks.length} paired blocks, medians; longshore divided by the other, block by block`,
    `${'puller'.padEnd(12)}  wall s   CPU s  RSS MiB    wall ratio             CPU ratio`,
    ...lines,
    ...(skopeo === undefined
      ? []
      : [
          `goal against skopeo: wall ${goal.wall} ${verdict(skopeo.wallRatio.median <= goal.wall)}, CPU ${goal.cpu} ${verdict(skopeo.cpuRatio.median <= goal.cpu)}`,
        ]),
  ];
}

function renderMemory(rows: readonly MemoryRow[]): readonly string[] {
  if (rows.length === 0) {
    return [];
  }
  const peak = Math.max(...rows.map(({ cost }) => cost.maxRssMib));
  return [
    '',
    'peak memory of longshore',
    '   image  workers  RSS MiB   wall s',
    ...rows.map(({ imageBytes, workers, cost }) =>
      [
        mb(imageBytes).padStart(8),
        workers.padStart(8),
        cost.maxRssMib.toFixed(0).padStart(8),
        cost.wallSeconds.toFixed(2).padStart(8),
      ].join(' '),
    ),
    `goal: at most ${GOAL_RSS_MIB} MiB for all: ${verdict(peak <= GOAL_RSS_MIB)} (${peak.toFixed(0)})`,
  ];
}

function renderStartup(startup: Startup | undefined): readonly string[] {
  if (startup === undefined) {
    return [];
  }
  const { longshoreVersion, emptyNode } = startup;
  const ratio = longshoreVersion / emptyNode;
  return [
    '',
    `longshore --version ${(longshoreVersion * 1000).toFixed(0)} ms, node -e 0 ${(emptyNode * 1000).toFixed(0)} ms: ${ratio.toFixed(2)} x, goal ${GOAL_STARTUP}: ${verdict(ratio <= GOAL_STARTUP)}`,
  ];
}

function renderReferences(result: ReferencesResult | undefined): readonly string[] {
  if (result === undefined) {
    return [];
  }
  const { cost } = result;
  const exact = result.blobsFetchedTwice === 0 && result.blobBytesSent === result.uniqueBytes;
  return [
    '',
    `${result.references} references over ${result.sharedLayers} layers: planned in ${result.planSeconds.toFixed(1)} s, done in ${cost.wallSeconds.toFixed(1)} s, ${cost.cpuSeconds.toFixed(1)} CPU s, ${cost.maxRssMib.toFixed(0)} MiB`,
    `unique ${result.uniqueBlobs} blobs, ${result.uniqueBytes} bytes; the registry sent ${result.blobRequests} blobs, ${result.blobBytesSent} bytes: ${exact ? 'each exactly once' : 'NOT each exactly once'}`,
  ];
}
