// Times Longshore's way to a SIF against Apptainer's (unpack, then mksquashfs), in pairs.
//   node bench/export/run.ts [--pairs 2] [--paths 34000] [--bytes 2350000000] [--dir DIR]
// Needs umoci and mksquashfs, root, and some 8 GB in DIR. Writes bench/results/export/.
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { makeInput } from './makeInput.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '1' },
    paths: { type: 'string', default: '34000' },
    bytes: { type: 'string', default: '2350000000' },
    dir: { type: 'string', default: join(tmpdir(), 'longshore-bench-export') },
    only: { type: 'string', default: '' },
  },
});

interface Measured {
  readonly seconds: number;
  readonly outputBytes: number;
  readonly rssMiB?: number;
  readonly loadBefore: number;
}

const layout = join(values.dir, 'layout');

/** Unpack to a tree, then squash it: what `apptainer pull` does with gzip at its level 9. */
async function theirs(compression: string, level: string): Promise<Measured> {
  const bundle = join(values.dir, 'bundle');
  const output = join(values.dir, 'theirs.sqfs');
  await rm(bundle, { recursive: true, force: true });
  await rm(output, { force: true });
  const loadBefore = loadavg()[0] ?? 0;
  const started = performance.now();
  await run('umoci', ['unpack', '--image', `${layout}:bench`, bundle]);
  await run('mksquashfs', [
    join(bundle, 'rootfs'),
    output,
    '-noappend',
    '-quiet',
    '-no-progress',
    '-comp',
    compression,
    '-Xcompression-level',
    level,
  ]);
  const seconds = (performance.now() - started) / 1000;
  const outputBytes = (await stat(output)).size;
  await rm(bundle, { recursive: true, force: true });
  await rm(output, { force: true });
  return { seconds, outputBytes, loadBefore };
}

async function ours(compression: string, level: string): Promise<Measured> {
  const output = join(values.dir, 'ours.sif');
  await rm(output, { force: true });
  const loadBefore = loadavg()[0] ?? 0;
  const started = performance.now();
  const once = join(import.meta.dirname, 'once.ts');
  const { stdout } = await run(process.execPath, [
    once,
    layout,
    `sif:${output}`,
    compression,
    level,
  ]);
  const seconds = (performance.now() - started) / 1000;
  const told: { bytes: number; rssMiB: number } = JSON.parse(stdout);
  await rm(output, { force: true });
  return { seconds, outputBytes: told.bytes, rssMiB: told.rssMiB, loadBefore };
}

const CASES: Readonly<
  Record<string, { ours: [string, string]; theirs: [string, string]; goal: number }>
> = {
  'zstd-3 against gzip-9': { ours: ['zstd', '3'], theirs: ['gzip', '9'], goal: 8 },
  'gzip-1 against gzip-9': { ours: ['gzip', '1'], theirs: ['gzip', '9'], goal: 4 },
  'zstd-3 against zstd-3': { ours: ['zstd', '3'], theirs: ['zstd', '3'], goal: 1.3 },
  'gzip-1 against gzip-1': { ours: ['gzip', '1'], theirs: ['gzip', '1'], goal: 1.3 },
  'gzip-9 against gzip-9': { ours: ['gzip', '9'], theirs: ['gzip', '9'], goal: 1.3 },
};

const folder = join(import.meta.dirname, '../results/export');
const file = join(folder, `pairs-${new Date().toISOString().slice(0, 16).replace(':', '')}.json`);
const results: unknown[] = [];

/** After every pair: a run takes an hour, and may be cut. */
async function save(): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    mksquashfs: (await run('mksquashfs', ['-version'])).stdout.split('\n')[0],
    umoci: (await run('umoci', ['--version'])).stdout.trim(),
    index: JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify({ machine, results }, null, 1)}\n`);
}

await mkdir(values.dir, { recursive: true });
await makeInput(layout, { paths: Number(values.paths), bytes: Number(values.bytes) });
for (const [name, pair] of Object.entries(CASES)) {
  if (!name.includes(values.only)) continue;
  for (let i = 0; i < Number(values.pairs); i++) {
    // The order changes from pair to pair, so that neither side always finds the warmer cache.
    const first = i % 2 === 0 ? await ours(...pair.ours) : undefined;
    const rival = await theirs(...pair.theirs);
    const own = first ?? (await ours(...pair.ours));
    const ratio = rival.seconds / own.seconds;
    results.push({ name, goal: pair.goal, ratio, ours: own, theirs: rival });
    await save();
    console.log(
      `${name}: ${ratio.toFixed(2)} times as fast (goal ${pair.goal}); ours ${own.seconds.toFixed(1)} s, ` +
        `${(own.outputBytes / 1e6).toFixed(0)} MB, ${own.rssMiB?.toFixed(0)} MiB; theirs ` +
        `${rival.seconds.toFixed(1)} s, ${(rival.outputBytes / 1e6).toFixed(0)} MB; load ` +
        `${own.loadBefore.toFixed(1)} and ${rival.loadBefore.toFixed(1)}`,
    );
  }
}
