import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempFolder } from './files.ts';
import { unmountBelow } from './mounts.ts';
import { mustRun, startService } from './programs.ts';

/** A Docker Engine with a data folder and a socket of its own. */
export interface DockerEngine extends AsyncDisposable {
  /** Runs the `docker` command line against this engine and gives its stdout. */
  docker(...args: readonly string[]): Promise<string>;
  readonly pid: number;
  /** Everything of it is below this folder. */
  readonly folder: string;
  /** What `DOCKER_HOST` takes. */
  readonly socket: string;
}

/**
 * Starts `dockerd` without any network: no bridge, no packet filter rules, nothing that outlives it.
 * The vfs driver needs no file system of a certain kind below it; where time counts, overlay2 is fairer.
 */
export async function startDockerEngine(
  storageDriver: 'vfs' | 'overlay2' = 'vfs',
): Promise<DockerEngine> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('dockerd')).path;
  cleanup.defer(() => unmountBelow(folder));
  const socket = `unix://${join(folder, 'docker.sock')}`;
  const config = join(folder, 'config');
  await mkdir(config);
  const service = cleanup.use(
    startService('dockerd', [
      '--data-root',
      join(folder, 'data'),
      '--exec-root',
      join(folder, 'exec'),
      '--pidfile',
      join(folder, 'pid'),
      '--host',
      socket,
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      `--storage-driver=${storageDriver}`,
    ]),
  );
  await service.says(/API listen on/, 60_000);
  const owned = cleanup.move();
  return {
    pid: service.pid,
    folder,
    socket,
    docker: (...args) =>
      mustRun('docker', ['--host', socket, '--config', config, ...args], {
        // BuildKit would fetch its Dockerfile frontend; the classic builder needs nothing.
        env: { DOCKER_BUILDKIT: '0' },
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
