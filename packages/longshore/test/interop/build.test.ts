// Images that buildah builds and Longshore pushes, read back from docker-registry by skopeo.
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDockerRegistry } from './support/dockerRegistry.ts';
import { makeTempFolder } from './support/files.ts';
import { longshoreAt } from './support/longshore.ts';
import { findProgram, mustRun, skipWithout } from './support/programs.ts';

test('a folder of Dockerfiles with RUN: built from one another, pushed, equal by digest', {
  timeout: 240_000,
  skip: skipWithout('buildah', 'docker-registry', 'skopeo', 'busybox'),
}, async () => {
  await using folder = await makeTempFolder('interop');
  await using registry = await startDockerRegistry();
  const base = await context(folder.path, 'base', [
    'FROM scratch',
    'COPY busybox /bin/busybox',
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
  ]);
  await copyFile(findProgram('busybox') ?? '', join(base, 'busybox'));
  for (const name of ['web', 'worker']) {
    await context(folder.path, name, [
      'FROM base:latest',
      `RUN echo ${name} > /name`,
      'CMD ["sh"]',
    ]);
  }
  await context(folder.path, 'broken', ['FROM base:latest', 'RUN exit 7']);
  const storage = join(folder.path, 'storage.conf');
  const place = `runroot = "${folder.path}/run"\ngraphroot = "${folder.path}/graph"`;
  await writeFile(storage, `[storage]\ndriver = "vfs"\n${place}\n`);
  const longshore = longshoreAt(folder.path, { CONTAINERS_STORAGE_CONF: storage });
  const prefix = `${registry.host}/team`;
  const flags = ['--builder', 'buildah', '--store', join(folder.path, 'store')];
  const { status, stdout, stderr } = await longshore.run(
    'build',
    '-f',
    join(folder.path, 'images'),
    '--push',
    '--registry',
    prefix,
    ...flags,
  );
  assert.equal(status, 1, stderr);
  assert.match(stderr, /^build of broken: .*RUN exit 7/m);
  const pushed = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.deepEqual(
    pushed.map(([name]) => name),
    ['base', 'web', 'worker'].map((name) => `${prefix}/${name}:latest`),
  );
  for (const [name, digest] of pushed) {
    const from = ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`];
    assert.equal((await mustRun('skopeo', from)).trim(), digest);
  }
});

async function context(root: string, name: string, lines: readonly string[]): Promise<string> {
  const folder = join(root, 'images', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
  return folder;
}
