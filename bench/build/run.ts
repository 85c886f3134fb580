// A hundred images, built and pushed: `longshore build --push` beside xargs, Compose and buildah, cold, in
// random order. `node bench/build/run.ts [--builder engine|buildah|assemble] [--ways NAME,...] [--images N]
// [--own-bytes N] [--blocks N] [--no-save]`; needs docker-registry and the builder, as root. Ways with buildx
// or Compose need `source <(bash bench/compose.sh)` first.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDockerEngine } from '../../packages/longshore/test/interop/support/dockerEngine.ts';
import { startDockerRegistry } from '../../packages/longshore/test/interop/support/dockerRegistry.ts';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import { findProgram, mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import { readUsage, type Usage } from '../../packages/longshore/test/interop/support/usage.ts';
import { describeMachine } from '../pull/machine.ts';
import { median, shuffle } from '../pull/measure.ts';
import { writeBase, writeHundred } from './hundred.ts';
import { compose, longshore, type Way, xargsBuildah, xargsBuildx, xargsDocker } from './ways.ts';

const { values: flags } = parseArgs({
  options: {
    builder: { type: 'string', default: 'engine' },
    ways: { type: 'string' },
    images: { type: 'string', default: '100' },
    'own-bytes': { type: 'string', default: '50000' },
    blocks: { type: 'string', default: '3' },
    'no-save': { type: 'boolean', default: false },
  },
});

const WAYS: Readonly<Record<string, Readonly<Record<string, Way>>>> = {
  engine: {
    longshore: longshore('engine'),
    'longshore -P 4': longshore('engine', 4),
    'longshore -P 8': longshore('engine', 8),
    'xargs -P 2/2': xargsDocker(2, 2),
    'xargs -P 4/3': xargsDocker(4, 3),
    'xargs -P 8/8': xargsDocker(8, 8),
    'xargs -P 2/3': xargsDocker(2, 3),
    'buildx -P 2/3': xargsBuildx(2, 3),
    'buildx -P 4/3': xargsBuildx(4, 3),
    'buildx -P 8/8': xargsBuildx(8, 8),
    compose: compose(true),
    'compose classic': compose(false),
  },
  buildah: {
    longshore: longshore('buildah'),
    'longshore -P 4': longshore('buildah', 4),
    'xargs -P 2/2': xargsBuildah(2, 2),
    'xargs -P 4/3': xargsBuildah(4, 3),
  },
  assemble: { longshore: longshore('assemble') },
};

const all = WAYS[flags.builder] ?? {};
const chosen = flags.ways?.split(',') ?? Object.keys(all);
const busybox = findProgram('busybox');
if (busybox === undefined) throw new Error('busybox-static is not installed');

await using folder = await makeTempFolder('bench-build');
await using engine = flags.builder === 'engine' ? await startDockerEngine('overlay2') : undefined;
const storage = join(folder.path, 'storage.conf');
await writeFile(
  storage,
  `[storage]\ndriver = "overlay"\nrunroot = "${folder.path}/run"\ngraphroot = "${folder.path}/graph"\n`,
);
await mkdir(join(folder.path, 'etc'), { recursive: true });
const baseContext = await writeBase(folder.path, busybox);
await using bases = await startDockerRegistry();
const base = `${bases.host}/base:1`;
await makeBase();

interface Row extends Partial<Usage> {
  readonly block: number;
  readonly way: string;
  readonly seconds: number;
  readonly load: number;
}

const rows: Row[] = [];
/** Ways that did not get through, with what they said. */
const failures: { readonly way: string; readonly message: string }[] = [];
for (let block = 0; block < Number(flags.blocks); block += 1) {
  for (const way of shuffle(chosen)) await once(block, way).catch((error) => note(way, error));
}
summarise();
if (!flags['no-save']) await save();

function note(way: string, error: unknown): void {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 500);
  failures.push({ way, message });
  console.log(`${way} failed: ${message}`);
}

/** The base is there before the clock starts, for everyone. */
async function makeBase(): Promise<void> {
  if (engine !== undefined) {
    await engine.docker('build', '-q', '-t', base, baseContext);
    await engine.docker('push', '-q', base);
    return;
  }
  const env = { CONTAINERS_STORAGE_CONF: storage, BUILDAH_ISOLATION: 'chroot', HOME: folder.path };
  await mustRun('buildah', ['bud', '--layers', '-q', '-t', base, baseContext], { env });
  const target = `docker://${base}`;
  await mustRun('buildah', ['push', '-q', '--tls-verify=false', base, target], { env });
}

/** Buildah gets slower with every image that it has: 56, 65 and 77 s, one hundred after the other. */
async function emptyStorage(): Promise<void> {
  for (const name of ['graph', 'run']) {
    await rm(join(folder.path, name), { recursive: true, force: true });
  }
  await makeBase();
}

async function once(block: number, way: string): Promise<void> {
  const work = all[way];
  if (work === undefined) throw new Error(`there is no way ${way}`);
  await using registry = await startDockerRegistry();
  const prefix = `${registry.host}/run`;
  if (flags.builder === 'buildah') await emptyStorage();
  const token = `${Date.now()}-${block}-${way}`;
  const plain = flags.builder === 'assemble';
  const images = Number(flags.images);
  const ownBytes = Number(flags['own-bytes']);
  const options = { images, base, token, prefix, plain, ownBytes };
  const contexts = await writeHundred(join(folder.path, 'contexts'), options);
  const store = join(folder.path, `store-${rows.length}`);
  const usageFile = join(folder.path, 'usage.json');
  await rm(usageFile, { force: true });
  const [load = 0] = loadavg();
  const startedAt = performance.now();
  await work({
    folder: folder.path,
    prefix,
    contexts,
    store,
    storage,
    usageFile,
    ...(engine === undefined ? {} : { docker: engine.socket }),
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const repositories = await countRepositories(registry.host);
  if (repositories !== images) throw new Error(`${way}: ${repositories} of ${images} arrived`);
  // Rivals tell nothing of themselves.
  const usage = await readUsage(usageFile).catch(() => undefined);
  rows.push({ block, way, seconds, load, ...usage });
  console.log(
    `${block} ${way.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s  load ${load.toFixed(1)}` +
      (usage === undefined
        ? ''
        : `  ${usage.rssMiB.toFixed(0)} MiB, ${usage.cpuSeconds.toFixed(1)} s of CPU`),
  );
}

async function countRepositories(host: string): Promise<number> {
  const answer = await fetch(`http://${host}/v2/_catalog?n=500`);
  const { repositories } = (await answer.json()) as { readonly repositories: readonly string[] };
  return repositories.filter((name) => name.startsWith('run/')).length;
}

function summarise(): void {
  const own = new Set(chosen.filter((way) => way.startsWith('longshore')));
  for (const way of chosen) {
    if (!rows.some((row) => row.way === way)) continue;
    const ratios = rows
      .filter((row) => row.way === way)
      .map((row) => {
        const best = rows.filter((other) => other.block === row.block && own.has(other.way));
        return Math.min(...best.map(({ seconds }) => seconds)) / row.seconds;
      });
    const times = rows.filter((row) => row.way === way).map(({ seconds }) => seconds);
    console.log(
      `${way.padEnd(16)} median ${median(times).toFixed(1).padStart(6)} s  longshore takes ${median(ratios).toFixed(2)} of it`,
    );
  }
}

async function save(): Promise<void> {
  const target = join(import.meta.dirname, '../results/build');
  await mkdir(target, { recursive: true });
  const startedAt = new Date().toISOString();
  const content = { startedAt, machine: await describeMachine(), flags, rows, failures };
  const file = join(target, `${flags.builder}-${startedAt.slice(0, 19).replaceAll(':', '')}.json`);
  await writeFile(file, `${JSON.stringify(content, undefined, 1)}\n`);
}
