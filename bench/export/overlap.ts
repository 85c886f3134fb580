// What it saves to index layers while they download: `pull --to sif:` of one image or several from a
// registry of a capped rate, by builds of Longshore in turn, each with an empty store.
//   node bench/export/overlap.ts --layouts DIR,... --build NAME=BIN --build NAME=BIN
//     [--rate 60000000] [--pairs 2] [--dir DIR] [--out FILE]
// Layouts are what makeInput.ts makes. The registry is a process of its own.

import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createRegistryServer } from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';
import { readUsage, usageInto } from '../../packages/longshore/test/interop/support/usage.ts';
import { seedStore } from './seedStore.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    layouts: { type: 'string', default: '' },
    build: { type: 'string', multiple: true, default: [] },
    rate: { type: 'string', default: '60000000' },
    pairs: { type: 'string', default: '2' },
    compression: { type: 'string', default: 'zstd' },
    dir: { type: 'string', default: join(tmpdir(), 'longshore-bench-overlap') },
    out: { type: 'string', default: '' },
    serve: { type: 'boolean', default: false },
  },
});
const source = join(values.dir, 'registry');

interface Measured {
  readonly build: string;
  readonly pair: number;
  readonly images: number;
  readonly seconds: number;
  /** Until the last byte had come, by the progress of the run itself. */
  readonly fetchedSeconds: number;
  readonly outputBytes: number;
  readonly rssMiB: number;
  readonly cpuSeconds: number;
  readonly loadBefore: number;
}

async function serve(): Promise<void> {
  const store = await openStore(source);
  const server = await createRegistryServer({
    store,
    faults: { rules: [{ on: { kind: 'blob' }, totalBytesPerSecond: Number(values.rate) }] },
  });
  process.send?.({ host: server.host });
  await once(process, 'disconnect');
  await server.close();
  await store.close();
}

async function measure(build: string, pair: number, references: readonly string[]): Promise<void> {
  const [name = '', bin = ''] = build.split('=');
  const [store, images] = [join(values.dir, 'store'), join(values.dir, 'images')];
  for (const folder of [store, images]) await rm(folder, { recursive: true, force: true });
  const usageFile = join(values.dir, 'usage.json');
  const loadBefore = loadavg()[0] ?? 0;
  const to = ['--to', `sif:${images}/`, '--compression', values.compression];
  const started = Date.now();
  const { stderr } = await run(
    process.execPath,
    [bin, 'pull', ...references, ...to, '--store', store, '--progress', 'json'],
    {
      env: {
        ...process.env,
        HOME: values.dir,
        ...usageInto(usageFile),
      },
      maxBuffer: 2 ** 28,
    },
  );
  const seconds = (Date.now() - started) / 1000;
  const blobs = stderr.split('\n').filter((line) => line.startsWith('{"type":"blob.done"'));
  const lastBlobAt = Math.max(...blobs.map((line) => JSON.parse(line).at));
  const sizes: number[] = [];
  for (const file of await readdir(images)) {
    const stats = await lstat(join(images, file));
    if (stats.isFile()) sizes.push(stats.size);
  }
  const result: Measured = {
    build: name,
    pair,
    images: references.length,
    seconds,
    fetchedSeconds: (lastBlobAt - started) / 1000,
    outputBytes: sizes.reduce((sum, size) => sum + size, 0),
    ...(await readUsage(usageFile)),
    loadBefore,
  };
  console.log(JSON.stringify(result));
  if (values.out === '') return;
  const before: Measured[] = await readFile(values.out, 'utf8').then(JSON.parse, () => []);
  await writeFile(values.out, `${JSON.stringify([...before, result], null, 1)}\n`);
}

async function main(): Promise<void> {
  await mkdir(values.dir, { recursive: true });
  const digests: string[] = [];
  for (const layout of values.layouts.split(',')) digests.push(await seedStore(layout, source));
  const child = fork(import.meta.filename, ['--serve', '--dir', values.dir, '--rate', values.rate]);
  const [{ host }] = (await once(child, 'message')) as [{ host: string }];
  const references = digests.map((digest) => digest.replace('localhost', host));
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    // The first of a pair is the last of the next.
    const order = pair % 2 === 0 ? values.build : values.build.toReversed();
    for (const build of order) await measure(build, pair, references);
  }
  child.disconnect();
  await once(child, 'exit');
}

await (values.serve ? serve() : main());
