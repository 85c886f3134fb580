import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { descendantsOf, kill, killAll } from '../../src/build/builder/descendants.ts';
import { openBuilder } from '../../src/build/index.ts';
import { type BuilderSubject, testBuilderContract } from '../build/builderContract.ts';
import { testRunContract } from '../build/runContract.ts';
import { type DockerEngine, startDockerEngine } from './support/dockerEngine.ts';
import { findProgram, skipWithout } from './support/programs.ts';

let engine: DockerEngine | undefined;

const subject: BuilderSubject = {
  kind: 'engine',
  skip: skipWithout('dockerd', 'docker', 'busybox'),
  async open() {
    await using cleanup = new AsyncDisposableStack();
    engine = cleanup.use(await startDockerEngine());
    const { builder } = await openBuilder('engine', {
      environment: { PATH: process.env['PATH'] },
      temporaryFolder: tmpdir(),
      dockerHost: engine.socket,
    });
    cleanup.use(builder);
    const owned = cleanup.move();
    return { builder, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
};

testBuilderContract(subject);

testRunContract({
  ...subject,
  busybox: findProgram('busybox') ?? '',
  crash: async () => {
    if (engine !== undefined) await crash(engine);
  },
});

/**
 * Kills the engine, and the containers that it would find again when it came back. The engine
 * first: one that sees a container end says that the build failed.
 */
async function crash({ pid, folder }: DockerEngine): Promise<void> {
  for (const name of [String(pid), ...(await readdir('/proc'))]) {
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (!line.includes(folder)) continue;
    const started = await descendantsOf(Number(name));
    kill(Number(name), 'SIGKILL');
    await killAll(started);
  }
}
