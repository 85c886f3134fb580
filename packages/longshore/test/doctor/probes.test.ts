import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { probeBuilders, probeMachine, probeStore, type ReadText } from '../../src/doctor/index.ts';

function files(texts: Readonly<Record<string, string>>): ReadText {
  return (file) => Promise.resolve(texts[file]);
}

test('the tightest limit of the control groups counts', async () => {
  const machine = await probeMachine(
    files({
      '/proc/self/cgroup': '0::/system.slice/job\n',
      '/proc/self/limits':
        'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 unlimited            files\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/system.slice/job/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/job/memory.max': '536870912\n',
    }),
    os.tmpdir(),
  );
  assert.equal(machine.cpuLimit, 1.5);
  assert.equal(machine.memoryLimitBytes, 536_870_912);
  assert.deepEqual(machine.openFiles, { soft: 1024, hard: Number.MAX_SAFE_INTEGER });
  assert.ok(machine.cpus >= 1 && (machine.temporary?.freeBytes ?? 0) > 0);
});

test('where there are no control groups and no limits, none are made up', async () => {
  const machine = await probeMachine(files({}), '/dev/null/none');
  assert.equal(machine.cpuLimit, undefined);
  assert.equal(machine.memoryLimitBytes, undefined);
  assert.equal(machine.openFiles, undefined);
  assert.equal(machine.temporary, undefined);
});

test('the place of a store is tried, and left as it was', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'longshore-doctor-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const there = await probeStore(folder);
  assert.equal(there.exists, true);
  assert.equal(there.refusal, undefined);
  assert.equal(there.hardLinks, true);
  assert.ok((there.syncMs ?? 0) > 0 && (there.freeBytes ?? 0) > 0);
  const notYet = await probeStore(path.join(folder, 'a/b'));
  assert.equal(notYet.exists, false);
  assert.equal(notYet.refusal, undefined);
  assert.deepEqual(await readdir(folder), []);
  assert.match((await probeStore('/proc/longshore')).refusal ?? '', /^E[A-Z]+$/);
});

test('builders are known by what they and their settings say', async () => {
  const said: Readonly<Record<string, string>> = {
    'docker --version': 'Docker version 29.1.0, build abc\n',
    'docker info --format {{json .}}': JSON.stringify({
      ServerVersion: '29.1.0',
      Driver: 'overlayfs',
      DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    }),
    'docker buildx version': 'github.com/docker/buildx v0.31.1 9a0bd3f\n',
    'buildah --version': 'buildah version 1.28.2 (image-spec 1.0.2-dev)\n',
    'sh -c command -v newuidmap': '/usr/bin/newuidmap\n',
  };
  const texts = {
    '/daemon.json': '{"max-concurrent-uploads": 2}',
    '/buildkitd.toml': '[worker.oci]\n  max-parallelism = 4 # steps\n',
    '/etc/subuid': 'anna:100000:65536\n',
    '/etc/subgid': 'bob:100000:65536\n',
  };
  const options = {
    run: (name: string, args: readonly string[]) =>
      Promise.resolve(said[[name, ...args].join(' ')]),
    read: files(texts),
    engineSettings: ['/none.json', '/daemon.json'],
    buildkitSettings: ['/buildkitd.toml'],
    user: { uid: 1000, name: 'anna' },
  };
  const facts = await probeBuilders(options);
  assert.deepEqual(facts.engine, {
    client: true,
    silence: undefined,
    version: '29.1.0',
    storageDriver: 'overlayfs',
    containerdStore: true,
    maxConcurrentUploads: 2,
  });
  assert.equal(facts.buildx, '0.31.1');
  assert.equal(facts.maxParallelism, 4);
  assert.equal(facts.buildah, '1.28.2');
  assert.match(facts.rootlessObstacle ?? '', /subgid/);
  const root = await probeBuilders({ ...options, user: { uid: 0, name: 'root' } });
  assert.equal(root.rootlessObstacle, undefined);
  const none = await probeBuilders({ ...options, run: () => Promise.resolve(undefined) });
  assert.equal(none.engine.client, false);
  assert.equal(none.buildah, undefined);
});
