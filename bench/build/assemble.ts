/**
 * How long `assemble` takes for many small images on one base: `node bench/build/assemble.ts
 * [--images 100] [--width 2] [--rounds 5] [--base-mib 30]`. Makes all inputs itself, from a seed; each round
 * builds everything into a new store that holds nothing but the base.
 */

import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type BuildTarget, openAssembleBuilder } from '../../packages/longshore/src/build/index.ts';
import { endOfArchive, filling, formatHeader } from '../../packages/longshore/src/export/index.ts';
import {
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
} from '../../packages/longshore/src/image/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';
import { targetIn } from '../../packages/longshore/test/build/target.ts';

const SEED = 20261126;
const BASE = 'registry.invalid/base:1';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '100' },
    width: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    'base-mib': { type: 'string', default: '30' },
  },
});
const [images, width, rounds, baseMib] = [
  values.images,
  values.width,
  values.rounds,
  values['base-mib'],
].map(Number);

/** Bytes that depend on the words alone: the first half noise, the second what compresses. */
function bytesFor(words: string, size: number): Buffer {
  const noise: Buffer[] = [];
  for (let i = 0; noise.length * 64 < size / 2; i++) {
    noise.push(createHash('sha512').update(`${SEED} ${words} ${i}`).digest());
  }
  return Buffer.concat([Buffer.concat(noise), Buffer.alloc(size, `${words} `)]).subarray(0, size);
}

/** Some 3,000 files below /usr, of 20 KiB each, half of it noise: 30 MiB compressed. */
function baseLayer(mib: number): Buffer {
  const parts: Buffer[] = [];
  const member = (path: string, type: 'file' | 'directory', data: Buffer): void => {
    const mode = type === 'file' ? 0o644 : 0o755;
    parts.push(formatHeader({ path, type, mode, uid: 0, gid: 0, mtime: 0, size: data.length }));
    parts.push(data, filling(data.length));
  };
  for (let folder = 0; folder * 100 < mib * 100; folder++) {
    member(`usr/lib/part-${folder}`, 'directory', Buffer.alloc(0));
    for (let file = 0; file < 100; file++) {
      member(`usr/lib/part-${folder}/file-${file}`, 'file', bytesFor(`${folder}/${file}`, 20_480));
    }
  }
  parts.push(endOfArchive());
  return Buffer.concat(parts);
}

async function writeBase(path: string, mib: number): Promise<Descriptor> {
  const store = await openStore(path);
  const tar = baseLayer(mib);
  const layer = await store.put(MEDIA_TYPES.ociLayerGzip, gzipSync(tar));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/bin'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: await store.put(MEDIA_TYPES.ociConfig, Buffer.from(JSON.stringify(config))),
    layers: [layer],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = await store.put(MEDIA_TYPES.ociManifest, bytes);
  await store.setReference(BASE, descriptor);
  await store.close();
  console.log(`base: ${tar.length} bytes, ${layer.size} compressed`);
  return descriptor;
}

async function writeTarget(folder: string, number: number): Promise<BuildTarget> {
  await mkdir(join(folder, 'app'), { recursive: true });
  await writeFile(
    join(folder, 'Dockerfile'),
    `FROM ${BASE}\nENV NUMBER=${number}\nCOPY app /srv/app/\nCMD ["/srv/app/main"]\n`,
  );
  for (const name of ['main', 'lib', 'data']) {
    await writeFile(join(folder, 'app', name), bytesFor(`${number} ${name}`, 8192));
  }
  return targetIn(folder, { name: `app-${number}`, place: { file: folder } });
}

async function round(
  path: string,
  targets: readonly BuildTarget[],
  base: Descriptor,
): Promise<string> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const store = await openStore(path);
  await using builder = openAssembleBuilder({
    version: 'bench',
    platform: { os: 'linux', architecture: 'amd64' },
    resolveBase: async () => base,
  });
  const digests: string[] = [];
  const build = async (target: BuildTarget): Promise<void> => {
    const { digest } = await builder.build({
      target,
      store,
      bases: new Map(),
      onLog: () => undefined,
      onStep: () => undefined,
      signal: new AbortController().signal,
    });
    digests.push(digest);
  };
  const queue = targets.values();
  await Promise.all(
    Array.from({ length: width ?? 2 }, async () => {
      for (const target of queue) await build(target);
    }),
  );
  await store.close();
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  console.log(
    `${seconds.toFixed(2)} s, ${((used.user + used.system) / 1e6).toFixed(2)} s of CPU, ` +
      `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB RSS`,
  );
  return digestOf(Buffer.from(digests.toSorted().join())).slice(0, 19);
}

const home = await mkdtemp(join(tmpdir(), 'longshore-bench-assemble-'));
try {
  const base = await writeBase(join(home, 'base'), baseMib ?? 30);
  const targets: BuildTarget[] = [];
  for (let i = 0; i < (images ?? 100); i++) targets.push(await writeTarget(join(home, `c${i}`), i));
  const results = new Set<string>();
  for (let i = 0; i < (rounds ?? 5); i++) {
    const store = join(home, `store-${i}`);
    await cp(join(home, 'base'), store, { recursive: true });
    results.add(await round(store, targets, base));
    await rm(store, { recursive: true });
  }
  console.log(`all rounds gave the same images: ${results.size === 1}`);
} finally {
  await rm(home, { recursive: true, force: true });
}
