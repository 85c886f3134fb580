// `--workers auto` beside every fixed width over real sockets: whole processes, in an order that chance
// decides. `node bench/adaptive/real.ts [SCENARIO...] [--autos N] [--widths 1,2,...] [--no-save]`;
// `TMPDIR=/dev/shm` keeps the disk out of it, `--bin FILE` takes the package from where it is installed already, `--report` only writes real.md.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import { installPackage } from '../../scripts/installPackage.ts';
import { describeMachine } from '../pull/machine.ts';
import { shuffle } from '../pull/measure.ts';
import { judgeReal } from './realJudge.ts';
import { pullOnce, type RealRun } from './realPull.ts';
import { type RealResult, realReport } from './realReport.ts';
import { REAL_SCENARIOS, type RealScenario } from './realScenarios.ts';
import { setRealStage } from './realStage.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    autos: { type: 'string', default: '3' },
    widths: { type: 'string', default: '1,2,3,4,6,8,12,16,24,32,48' },
    bin: { type: 'string' },
    report: { type: 'boolean', default: false },
    'no-save': { type: 'boolean', default: false },
  },
});
const results = join(import.meta.dirname, '../results/adaptive/real');

async function sweep(scenario: RealScenario, bin: string): Promise<RealResult> {
  await using folder = await makeTempFolder('real');
  await using stage = await setRealStage(scenario, folder.path);
  const widths = flags.widths.split(',').filter((text) => text !== '');
  const autos = Array.from({ length: Number(flags.autos) }, () => 'auto' as const);
  const runs: RealRun[] = [];
  const startedAt = new Date().toISOString();
  console.log(`\n${scenario.name}: ${scenario.what}`);
  for (const workers of shuffle([...widths.map(Number), ...autos])) {
    const bound = workers === 'auto' ? scenario.bound : hopeless(runs, scenario.bound);
    const run = await pullOnce(stage, workers, { bin, folder: folder.path, bound });
    runs.push(run);
    const { seconds, cpuSeconds, connections, width, says, counted, load } = run;
    const own =
      says === undefined ? '' : `${connections?.toFixed(1)} on average, ${width}: ${says}`;
    const { refusals, maxBodies, requests } = counted;
    const took = seconds === undefined ? `stopped at ${bound.toFixed(0)} s` : seconds.toFixed(2);
    console.log(
      `${String(workers).padStart(5)}  ${took}  cpu ${cpuSeconds?.toFixed(1)}  load ${load.toFixed(1)}  ` +
        `${requests} requests, ${refusals} refused, at most ${maxBodies}  ${own}`,
    );
  }
  return { scenario, startedAt, machine: await describeMachine(), folder: tmpdir(), runs };
}

/** A width that takes half as long again as the best so far, and 3 s, is out of the question. */
function hopeless(runs: readonly RealRun[], bound: number): number {
  const best = Math.min(...runs.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY));
  return Math.ceil(Math.min(bound, 1.5 * best + 3));
}

async function readAll(): Promise<RealResult[]> {
  const files = (await readdir(results)).filter((name) => name.endsWith('.json'));
  const read = await Promise.all(
    files.map(
      async (name) => JSON.parse(await readFile(join(results, name), 'utf8')) as RealResult,
    ),
  );
  const place = (result: RealResult): number =>
    REAL_SCENARIOS.findIndex(({ name }) => name === result.scenario.name);
  return read.toSorted((a, b) => place(a) - place(b));
}

if (!flags.report) {
  const chosen = REAL_SCENARIOS.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  await using folder = await makeTempFolder('real-package');
  const bin = flags.bin ?? join(installPackage(folder.path), 'bin/longshore.js');
  await mkdir(results, { recursive: true });
  for (const scenario of chosen) {
    const result = await sweep(scenario, bin);
    const { best, bestWidth, enough, auto, limit, connections } = judgeReal(result.runs);
    console.log(
      `best ${best.toFixed(2)} s at ${bestWidth}, enough ${enough}; auto ${auto.toFixed(2)} s ` +
        `(at most ${limit.toFixed(2)}), ${connections.toFixed(1)} connections (at most ${1.5 * enough})`,
    );
    if (flags['no-save']) continue;
    const name = `${scenario.name.replaceAll(/\W+/g, '-')}.json`;
    await writeFile(join(results, name), `${JSON.stringify(result, undefined, 1)}\n`);
  }
}
if (!flags['no-save']) {
  await writeFile(join(results, '../real.md'), realReport(await readAll()));
}
