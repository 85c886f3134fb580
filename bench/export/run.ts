// Times Longshore's way to a SIF against Apptainer's (unpack, then mksquashfs), in blocks: each has
// one run of the rival and one of each of ours, in an order that changes from block to block.
//   node bench/export/run.ts [--pairs 2] [--only 0,1] [--paths 34000] [--bytes 2350000000] [--dir DIR]
//     [--out FILE] [--block NAME --side ours|theirs]
// Ours is `longshore pull NAME@DIGEST --to sif:FILE` as npm installs it, a whole process, out of a
// store that holds the layers: no byte is fetched on either side.
// Needs umoci and mksquashfs, root, and some 9 GB in DIR. Adds to FILE, by default a new one in
// bench/results/export/: where the machine is free for minutes only, a block can be measured by
// several calls of one name.

import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { readUsage, usageInto } from '../../packages/longshore/test/interop/support/usage.ts';
import { installPackage } from '../../scripts/installPackage.ts';
import { makeInput } from './makeInput.ts';
import { seedStore } from './seedStore.ts';

const run = promisify(execFile);
const folder = join(import.meta.dirname, '../results/export');
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '1' },
    paths: { type: 'string', default: '34000' },
    bytes: { type: 'string', default: '2350000000' },
    dir: { type: 'string', default: join(tmpdir(), 'longshore-bench-export') },
    only: { type: 'string', default: '0,1,2,3' },
    block: { type: 'string', default: '' },
    side: { type: 'string', default: 'both' },
    out: {
      type: 'string',
      default: join(folder, `${new Date().toISOString().slice(0, 16).replace(':', '')}.json`),
    },
  },
});

interface Squash {
  readonly compression: 'gzip' | 'zstd';
  readonly level: number;
}

interface Measured extends Squash {
  readonly side: 'ours' | 'theirs';
  /** Runs of one block stand together in time; ratios are taken within blocks. */
  readonly block: string;
  readonly seconds: number;
  readonly outputBytes: number;
  /** Of our process, the converter's not counted. */
  readonly rssMiB?: number;
  readonly cpuSeconds?: number;
  readonly loadBefore: number;
}

const gzip = (level: number): Squash => ({ compression: 'gzip', level });
const zstd3: Squash = { compression: 'zstd', level: 3 };

/** What is held against what. Apptainer's way is gzip at its level 9. */
const GROUPS: readonly { theirs: Squash; ours: readonly (Squash & { goal: number })[] }[] = [
  {
    theirs: gzip(9),
    ours: [
      { ...zstd3, goal: 8 },
      { ...gzip(1), goal: 4 },
    ],
  },
  { theirs: zstd3, ours: [{ ...zstd3, goal: 1.3 }] },
  { theirs: gzip(1), ours: [{ ...gzip(1), goal: 1.3 }] },
  {
    theirs: gzip(9),
    ours: [
      // Both wait for the same compressor here; level 8 gives a file of the same size.
      { ...gzip(9), goal: 1.3 },
      { ...gzip(8), goal: 1.3 },
    ],
  },
];

const layout = join(values.dir, 'layout');
const store = join(values.dir, 'store');

/** Unpack to a tree, then squash it. */
async function theirs({ compression, level }: Squash, block: string): Promise<Measured> {
  const bundle = join(values.dir, 'bundle');
  const output = join(values.dir, 'theirs.sqfs');
  await rm(bundle, { recursive: true, force: true });
  await rm(output, { force: true });
  const loadBefore = loadavg()[0] ?? 0;
  const started = performance.now();
  await run('umoci', ['unpack', '--image', `${layout}:bench`, bundle]);
  const how = ['-noappend', '-quiet', '-no-progress', '-comp', compression];
  await run('mksquashfs', [
    join(bundle, 'rootfs'),
    output,
    ...how,
    '-Xcompression-level',
    String(level),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const outputBytes = (await stat(output)).size;
  await rm(bundle, { recursive: true, force: true });
  await rm(output, { force: true });
  return { side: 'theirs', block, compression, level, seconds, outputBytes, loadBefore };
}

async function ours({ compression, level }: Squash, block: string): Promise<Measured> {
  const output = join(values.dir, 'ours.sif');
  await rm(output, { force: true });
  const loadBefore = loadavg()[0] ?? 0;
  const usageFile = join(values.dir, 'usage.json');
  const how = ['--compression', compression, '--level', String(level), '--progress', 'quiet'];
  const started = performance.now();
  await run(
    process.execPath,
    [longshore, 'pull', reference, '--to', `sif:${output}`, '--store', store, ...how],
    { env: { ...process.env, ...usageInto(usageFile) } },
  );
  const seconds = (performance.now() - started) / 1000;
  const told = await readUsage(usageFile);
  const outputBytes = (await stat(output)).size;
  await rm(output, { force: true });
  return { side: 'ours', block, compression, level, seconds, outputBytes, ...told, loadBefore };
}

/** Built once for all calls that use one directory. */
async function installed(): Promise<string> {
  const bin = join(values.dir, 'app/node_modules/longshore/bin/longshore.js');
  await access(bin).catch(() => installPackage(values.dir));
  return bin;
}

async function readResults(): Promise<Measured[]> {
  try {
    return JSON.parse(await readFile(values.out, 'utf8')).results;
  } catch {
    return [];
  }
}

/** After every run: all of them take an hour, and may be cut. */
async function save(result: Measured): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    mksquashfs: (await run('mksquashfs', ['-version'])).stdout.split('\n')[0],
    umoci: (await run('umoci', ['--version'])).stdout.trim(),
    index: JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')),
  };
  await mkdir(folder, { recursive: true });
  const results = [...(await readResults()), result];
  await writeFile(values.out, `${JSON.stringify({ machine, results }, null, 1)}\n`);
  const memory = result.rssMiB === undefined ? '' : `, ${result.rssMiB.toFixed(0)} MiB at its peak`;
  console.log(
    `${result.side} ${result.compression}-${result.level}: ${result.seconds.toFixed(1)} s, ` +
      `${(result.outputBytes / 1e6).toFixed(0)} MB${memory}; load ${result.loadBefore.toFixed(1)}`,
  );
}

/** What the runs of one block say of each other. */
async function compare(group: (typeof GROUPS)[number], block: string): Promise<void> {
  const measured = (await readResults()).filter((result) => result.block === block);
  const find = (side: Measured['side'], { compression, level }: Squash): Measured | undefined =>
    measured.find(
      (result) =>
        result.side === side && result.compression === compression && result.level === level,
    );
  const rival = find('theirs', group.theirs);
  for (const squash of group.ours) {
    const own = find('ours', squash);
    if (own === undefined || rival === undefined) continue;
    console.log(
      `${squash.compression}-${squash.level} is ${(rival.seconds / own.seconds).toFixed(2)} times as ` +
        `fast as ${rival.compression}-${rival.level} (goal ${squash.goal})`,
    );
  }
}

await mkdir(values.dir, { recursive: true });
await makeInput(layout, { paths: Number(values.paths), bytes: Number(values.bytes) });
const reference = await seedStore(layout, store);
const longshore = await installed();
for (const place of values.only.split(',')) {
  const group = GROUPS[Number(place)];
  if (group === undefined) throw new Error(`--only takes 0 to ${GROUPS.length - 1}`);
  for (let i = 0; i < Number(values.pairs); i++) {
    const block = `${place} ${values.block === '' ? new Date().toISOString() : values.block}`;
    const runs = [
      ...(values.side === 'ours' ? [] : [() => theirs(group.theirs, block)]),
      ...(values.side === 'theirs' ? [] : group.ours.map((squash) => () => ours(squash, block))),
    ];
    // Neither side always finds the warmer cache.
    const turn = Math.floor(Math.random() * runs.length);
    for (const measure of [...runs.slice(turn), ...runs.slice(0, turn)]) {
      await save(await measure());
    }
    await compare(group, block);
  }
}
