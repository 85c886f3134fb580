import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { exportImage } from '../../src/export/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { putImage } from '../export/helpers/image.ts';
import { nastyLayers } from '../export/helpers/nasty.ts';
import { file, tar } from '../export/helpers/tarBuilder.ts';
import { comparable, describeTree, needs, run, umoci } from './support/exportTools.ts';

let home: string;
let store: Store;
let daemon: ChildProcess | undefined;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-docker-'));
  store = await openStore(join(home, 'store'));
});
after(async () => {
  if (daemon !== undefined && daemon.exitCode === null) {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  }
  await store.close();
  await rm(home, { recursive: true, force: true });
});

/** A Docker daemon of this test's own: no network, no other images. */
async function startDocker(): Promise<(...args: readonly string[]) => Promise<string>> {
  const socket = `unix://${home}/docker.sock`;
  daemon = spawn(
    'dockerd',
    [
      `--data-root=${join(home, 'data')}`,
      `--exec-root=${join(home, 'exec')}`,
      `--pidfile=${join(home, 'pid')}`,
      `--host=${socket}`,
      '--storage-driver=vfs',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
    ],
    { stdio: 'ignore' },
  );
  const docker = async (...args: readonly string[]): Promise<string> =>
    (await run('docker', ['--host', socket, ...args], { timeout: 60_000 })).stdout.trim();
  for (let tries = 0; tries < 60; tries++) {
    const version = await docker('version').catch(() => undefined);
    if (version !== undefined) return docker;
    assert.equal(daemon.exitCode, null, 'dockerd ended by itself');
    await setTimeout(500);
  }
  throw new Error('dockerd does not answer');
}

/** What `docker save` has written, taken into the store layer by layer. */
async function adoptSaved(archive: string): ReturnType<typeof putImage> {
  const folder = await mkdtemp(join(home, 'saved-'));
  await run('tar', ['-xf', archive, '-C', folder]);
  const [saved] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const names: string[] = saved.Layers;
  return putImage(store, await Promise.all(names.map((name) => readFile(join(folder, name)))));
}

it('images go to Docker and come from it', { timeout: 180_000 }, async (t) => {
  if (!(await needs(t, 'dockerd', 'docker', 'umoci'))) return;
  const docker = await startDocker();

  const zstd = tar(file('z', 'zstd'));
  const gzip = tar(file('g', 'gzip'));
  const image = await putImage(store, [
    ...(nastyLayers()['links, owners and times'] ?? []),
    { tar: zstd, stored: zstdCompressSync(zstd) },
    { tar: gzip, stored: gzipSync(gzip) },
  ]);
  const path = join(home, 'to-docker.tar');
  await exportImage({ store, image, output: { kind: 'docker-archive', path } });
  assert.match(await docker('load', '--input', path), /Loaded image: example:1/);
  const id = await docker('images', '--no-trunc', '--quiet', 'example:1');
  assert.equal(id, image.manifest.config.digest);

  const context = join(home, 'context');
  await mkdir(join(context, 'one/d'), { recursive: true });
  await writeFile(join(context, 'one/d/f'), 'first');
  await writeFile(join(context, 'one/script'), '#!/bin/sh\n', { mode: 0o4755 });
  await writeFile(join(context, 'two'), 'second');
  await writeFile(
    join(context, 'Dockerfile'),
    'FROM example:1\nCOPY one /one\nCOPY --chown=5:6 two /one/d/f\nCOPY two /d/new\nCMD ["x"]\n',
  );
  await docker('build', '--tag', 'built', context);
  const saved = join(home, 'from-docker.tar');
  await docker('save', '--output', saved, 'built');
  const built = await adoptSaved(saved);
  const rootfs = join(home, 'rootfs');
  await exportImage({ store, image: built, output: { kind: 'rootfs', path: rootfs } });
  const archive = join(home, 'built.oci.tar');
  await exportImage({ store, image: built, output: { kind: 'oci-archive', path: archive } });
  const theirs = await umoci(archive, await mkdtemp(join(home, 'umoci-')));
  const found = comparable(await describeTree(rootfs, false));
  assert.deepEqual(found, comparable(await describeTree(theirs, false)));
  assert.match(found['/one/d/f'] ?? '', /^100000 644 5:6 /);
});
