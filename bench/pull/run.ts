// Longshore's pull beside others, as whole processes, and what it costs in memory and time to start.
// `node bench/pull/run.ts --help` lists the flags; results go to bench/results/pull/.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDockerEngine } from '../../packages/longshore/test/interop/support/dockerEngine.ts';
import { findProgram, mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import { installPackage } from '../../scripts/installPackage.ts';
import { describeMachine } from './machine.ts';
import { type MemoryImage, measureMemory } from './memory.ts';
import { type Block, runPaired } from './paired.ts';
import { measureReferences } from './references.ts';
import { type Results, renderResults } from './report.ts';
import {
  dockerPull,
  findRivals,
  type LongshoreCommand,
  longshoreCommand,
  longshorePull,
  type Puller,
  rivalNames,
} from './rivals.ts';
import { layerSizes, type Stage, setStage } from './stage.ts';
import { measureStartup } from './startup.ts';

const HELP = `node bench/pull/run.ts [flags]
  --image-mb N      size of the image (536)
  --layers N        its layers (12)
  --runs N          paired blocks for each scheme (7)
  --tls             over TLS as well
  --rivals A,B      of ${rivalNames.join(', ')}, docker; those that are missing are left out (all)
  --memory          peak memory for workers 1 to 32, and for a small and a large image
  --big-mb N        the large one (10240)
  --references N    pull N references that share layers (0: do not)
  --startup         longshore --version beside node -e 0, by hyperfine
  --installed       run Longshore as npm installs it, built; without, the sources of this checkout
  --all             --tls --memory --startup --references 1000
  --no-save         print only`;

const { values: flags } = parseArgs({
  options: {
    'image-mb': { type: 'string', default: '536' },
    layers: { type: 'string', default: '12' },
    runs: { type: 'string', default: '7' },
    tls: { type: 'boolean', default: false },
    rivals: { type: 'string', default: [...rivalNames, 'docker'].join(',') },
    memory: { type: 'boolean', default: false },
    'big-mb': { type: 'string', default: '10240' },
    references: { type: 'string', default: '0' },
    startup: { type: 'boolean', default: false },
    installed: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    'no-save': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const MB = 1_000_000;
const IMAGE = 'bench/image:v1';

if (flags.help) {
  console.log(HELP);
} else {
  const results = await runAll();
  console.log(renderResults(results));
  if (!flags['no-save']) {
    await save(results);
  }
}

async function runAll(): Promise<Results> {
  const startedAt = new Date().toISOString();
  const layers = layerSizes(count('image-mb') * MB, count('layers'));
  const rivals = flags.rivals.split(',').filter((name) => name !== '');
  await using cleanup = new AsyncDisposableStack();
  const stage = cleanup.use(await setStage());
  // A cold start each time: what earlier runs found out about the host is not used.
  process.env['XDG_STATE_HOME'] = join(stage.folder, 'pulled', 'state');
  const longshore = longshoreCommand(
    flags.installed ? join(installPackage(stage.folder), 'bin/longshore.js') : undefined,
  );
  const processes = [
    longshorePull(longshore),
    ...findRivals(rivals.filter((name) => name !== 'docker')),
  ];
  const pullers: Puller[] = [...processes];
  if (rivals.includes('docker') && findProgram('dockerd') !== undefined) {
    pullers.push(dockerPull(cleanup.use(await startDockerEngine('overlay2'))));
  }
  tell(`pushing ${flags['image-mb']} MB in ${layers.length} layers`);
  await stage.push(IMAGE, layers);
  const paired = await pairUp(stage, pullers, processes);
  return {
    startedAt,
    machine: await describeMachine(),
    versions: await Promise.all(pullers.map((puller) => puller.version())),
    longshoreRuns: flags.installed ? 'as installed' : 'from its sources',
    commit: (await mustRun('git', ['describe', '--always', '--dirty'])).trim(),
    image: { bytes: layers.reduce((sum, size) => sum + size, 0), layers },
    paired,
    memory: flags.memory || flags.all ? await measureAllMemory(longshore, stage) : [],
    startup: flags.startup || flags.all ? await measureStartup(longshore, stage.folder) : undefined,
    references: await measureManyReferences(longshore, stage),
  };
}

async function pairUp(
  stage: Stage,
  pullers: readonly Puller[],
  processes: readonly Puller[],
): Promise<Results['paired']> {
  const blocks = count('runs');
  const common = { folder: stage.folder, blocks };
  const paired: { scheme: string; blocks: readonly Block[] }[] = [];
  tell(`plain HTTP: ${blocks} blocks of ${pullers.map(({ name }) => name).join(', ')}`);
  const plain = { ...common, pullers, reference: `${stage.plainHost}/${IMAGE}`, caFile: undefined };
  paired.push({ scheme: 'plain HTTP', blocks: await runPaired(plain) });
  if (flags.tls || flags.all) {
    // An engine reads its CAs from /etc, which is not ours to write to.
    tell(`TLS: ${blocks} blocks of ${processes.map(({ name }) => name).join(', ')}`);
    const caFile = stage.authority.certificate;
    const tls = { ...common, pullers: processes, reference: `${stage.tlsHost}/${IMAGE}`, caFile };
    paired.push({ scheme: 'TLS', blocks: await runPaired(tls) });
  }
  return paired;
}

async function measureAllMemory(
  longshore: LongshoreCommand,
  stage: Stage,
): Promise<Results['memory']> {
  const bigBytes = count('big-mb') * MB;
  const small: MemoryImage = { name: 'bench/small:v1', bytes: 10 * MB, workers: ['auto'] };
  const middle: MemoryImage = {
    name: IMAGE,
    bytes: count('image-mb') * MB,
    workers: ['1', '2', '4', '8', '16', '32'],
  };
  const big: MemoryImage = { name: 'bench/big:v1', bytes: bigBytes, workers: ['auto', '32'] };
  tell(`memory: pushing 10 MB and ${flags['big-mb']} MB`);
  await stage.push(small.name, layerSizes(small.bytes, count('layers')));
  await stage.push(big.name, layerSizes(big.bytes, count('layers')), true);
  tell('memory: pulling');
  return await measureMemory(longshore, stage, [small, middle, big]);
}

async function measureManyReferences(
  longshore: LongshoreCommand,
  stage: Stage,
): Promise<Results['references']> {
  const references = flags.all && flags.references === '0' ? 1000 : count('references');
  if (references === 0) {
    return undefined;
  }
  tell(`references: ${references}`);
  return await measureReferences(longshore, stage.folder, references);
}

async function save(results: Results): Promise<void> {
  const folder = join(import.meta.dirname, '../results/pull');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${results.startedAt.slice(0, 19).replaceAll(':', '-')}.json`);
  await writeFile(file, `${JSON.stringify(results, undefined, 1)}\n`);
  console.log(`\nraw results: ${file}`);
}

function count(flag: 'image-mb' | 'layers' | 'runs' | 'big-mb' | 'references'): number {
  const value = Number(flags[flag]);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`--${flag} takes a whole number, not ${flags[flag]}`);
  }
  return value;
}

function tell(text: string): void {
  console.error(`# ${text}`);
}
