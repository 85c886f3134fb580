// A hundred images against registries that do not bear many uploads: `--pushers auto` beside every fixed
// width, in one run. `node bench/push/run.ts [--scenarios freeze,refuse,slow] [--ways auto,1,2,3,4,6,8]
// [--repeats N] [--most SECONDS] [--images N] [--no-save]`; ways `skopeo` and `docker` are `xargs -P 8`.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import { describeMachine } from '../pull/machine.ts';
import { median, shuffle } from '../pull/measure.ts';
import { startEmptyRegistry } from './emptyRegistry.ts';
import { faultsOf, makeImages, SCENARIOS, type ScenarioName } from './hundred.ts';
import { docker, longshore, type Pushed, skopeo, type Way } from './ways.ts';

const GOAL = 1.18;
const { values: flags } = parseArgs({
  options: {
    scenarios: { type: 'string', default: Object.keys(SCENARIOS).join(',') },
    ways: { type: 'string', default: 'auto,1,2,3,4,6,8' },
    repeats: { type: 'string', default: '1' },
    images: { type: 'string', default: '100' },
    most: { type: 'string', default: '120' },
    'no-save': { type: 'boolean', default: false },
  },
});

interface Row extends Pushed {
  readonly scenario: ScenarioName;
  readonly way: string;
  /** Images that the registry holds as they are here. */
  readonly arrived: number;
  readonly load: number;
}

await using folder = await makeTempFolder('bench-push');
const images = await makeImages(folder.path, Number(flags.images));
const mostSeconds = Number(flags.most);
const rows: Row[] = [];

function wayOf(name: string): Way {
  return { skopeo, docker }[name] ?? longshore(name);
}

async function once(scenario: ScenarioName, way: string): Promise<void> {
  const remote = join(folder.path, 'remote');
  await rm(remote, { recursive: true, force: true });
  await using registry = await startEmptyRegistry(remote, faultsOf(scenario));
  const [load = 0] = loadavg();
  const pushed = await wayOf(way)({
    folder: folder.path,
    images,
    host: registry.host,
    mostSeconds,
  });
  const held = await registry.held();
  // Docker makes a manifest of its own, so for rivals the name alone counts.
  const own = !['skopeo', 'docker'].includes(way);
  const arrived = images.filter(({ name, digest }) => {
    const there = held[`localhost/${name}`];
    return own ? there === digest : there !== undefined;
  }).length;
  rows.push({ scenario, way, ...pushed, arrived, load });
  const silent =
    pushed.silentSeconds === undefined ? '' : `  silent ${pushed.silentSeconds.toFixed(1)} s`;
  console.log(
    `${scenario.padEnd(7)} ${way.padEnd(7)} ${pushed.seconds.toFixed(1).padStart(6)} s  ${arrived} arrived` +
      `${silent}  cuts ${pushed.cuts ?? '-'}  429s ${pushed.refusals ?? '-'}  load ${load.toFixed(1)}`,
  );
  if (way === 'auto') console.log(pushed.widths?.map((line) => `        ${line}`).join('\n'));
}

function summarise(scenario: ScenarioName): void {
  const of = rows.filter((row) => row.scenario === scenario);
  const whole = Map.groupBy(of, ({ way }) => way);
  const times = [...whole].flatMap(([way, runs]) =>
    runs.every(({ arrived }) => arrived === images.length)
      ? [{ way, seconds: median(runs.map(({ seconds }) => seconds)) }]
      : [],
  );
  const fixed = times
    .filter(({ way }) => Number(way) > 0)
    .toSorted((a, b) => a.seconds - b.seconds);
  const [best] = fixed;
  const own = times.find(({ way }) => way === 'auto');
  if (best === undefined || own === undefined) return;
  const ratio = own.seconds / best.seconds;
  const silent = Math.max(
    ...(whole.get('auto') ?? []).map(({ silentSeconds = 0 }) => silentSeconds),
  );
  console.log(
    `${scenario}: auto ${own.seconds.toFixed(1)} s, best fixed ${best.way} in ${best.seconds.toFixed(1)} s: ` +
      `${ratio.toFixed(2)}x (goal ${GOAL}: ${ratio <= GOAL ? 'met' : 'MISSED'}), silent at most ${silent.toFixed(1)} s (goal 15)`,
  );
}

for (const scenario of Object.keys(SCENARIOS) as ScenarioName[]) {
  if (!flags.scenarios.split(',').includes(scenario)) continue;
  for (let repeat = 0; repeat < Number(flags.repeats); repeat += 1) {
    for (const way of shuffle(flags.ways.split(','))) await once(scenario, way);
  }
  summarise(scenario);
}
if (!flags['no-save']) {
  const target = join(import.meta.dirname, '../results/push');
  await mkdir(target, { recursive: true });
  const startedAt = new Date().toISOString();
  const content = { startedAt, machine: await describeMachine(), images: images.length, rows };
  const file = join(target, `${startedAt.slice(0, 19).replaceAll(':', '')}.json`);
  await writeFile(file, `${JSON.stringify(content, undefined, 1)}\n`);
}
