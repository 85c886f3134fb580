import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Builder, openBuilder } from '../../src/build/index.ts';
import { testBuilderContract } from '../build/builderContract.ts';
import { testRunContract } from '../build/runContract.ts';
import { makeTempFolder } from './support/files.ts';
import { unmountBelow } from './support/mounts.ts';
import { findProgram, skipWithout } from './support/programs.ts';

/** A buildah with its own storage, so that it neither sees nor leaves images on this machine. */
async function openOne(
  isolation: 'chroot' | 'oci',
): Promise<{ readonly builder: Builder } & AsyncDisposable> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('buildah')).path;
  cleanup.defer(() => unmountBelow(folder));
  const temporaryFolder = join(folder, 'tmp');
  await mkdir(temporaryFolder);
  const { builder } = await openBuilder('buildah', {
    environment: { ...process.env, TMPDIR: temporaryFolder },
    temporaryFolder,
    buildah: {
      root: join(folder, 'root'),
      runRoot: join(folder, 'run'),
      storageDriver: 'overlay',
      isolation,
    },
  });
  cleanup.use(builder);
  const owned = cleanup.move();
  return { builder, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Kills the buildahs that this process has started, and nobody else's. */
async function crash(): Promise<void> {
  const children = await readdir(`/proc/${process.pid}/task`);
  for (const thread of children) {
    const text = await readFile(`/proc/${process.pid}/task/${thread}/children`, 'utf8');
    for (const pid of text.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  }
}

testBuilderContract({
  kind: 'buildah',
  skip: skipWithout('buildah'),
  open: () => openOne('chroot'),
});

testRunContract({
  kind: 'buildah, chroot',
  skip: skipWithout('buildah', 'busybox'),
  open: () => openOne('chroot'),
  busybox: findProgram('busybox') ?? '',
  crash,
});
