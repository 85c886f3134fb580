import { join } from 'node:path';
import { mustRun } from '../../packages/longshore/test/interop/support/programs.ts';
import { usageInto } from '../../packages/longshore/test/interop/support/usage.ts';
import type { Contexts } from './hundred.ts';

const bin = join(import.meta.dirname, '../../packages/longshore/bin/longshore.js');
const MOST_MS = 280_000;

/** Where builds and pushes happen. */
export interface Ground {
  readonly folder: string;
  /** Registry and repository before each name. */
  readonly prefix: string;
  readonly contexts: Contexts;
  /** `DOCKER_HOST`, where there is an engine. */
  readonly docker?: string;
  /** A store of its own for each run. */
  readonly store: string;
  /** A `storage.conf`: buildah keeps its images apart from this machine's. */
  readonly storage: string;
  /** Where our own process says what it has used. */
  readonly usageFile: string;
}

/** One way to have all images built and pushed. */
export type Way = (ground: Ground) => Promise<void>;

export function longshore(builder: 'engine' | 'buildah' | 'assemble', builders?: number): Way {
  return async ({ folder, contexts, prefix, store, docker, storage, usageFile }) => {
    const argv = ['build', '-f', contexts.folder, '--push', '--registry', prefix];
    const width = builders === undefined ? [] : ['--builders', String(builders)];
    const flags = ['--builder', builder, ...width, '--store', store, '--progress', 'quiet'];
    await mustRun(process.execPath, [bin, ...argv, ...flags], {
      timeoutMs: MOST_MS,
      env: {
        HOME: folder,
        DOCKER_HOST: docker,
        CONTAINERS_STORAGE_CONF: storage,
        ...usageInto(usageFile),
      },
    });
  };
}

/** `docker build` of all, so many at once, then `docker push` of all, so many at once. */
export function xargsDocker(builds: number, pushes: number): Way {
  return async ({ contexts, prefix, docker, folder }) => {
    const env = { DOCKER_HOST: docker, DOCKER_BUILDKIT: '0', HOME: folder };
    const build = `docker build -q -t ${prefix}/{}:latest ${contexts.folder}/{}`;
    await xargs(contexts.names, builds, build, env);
    await xargs(contexts.names, pushes, `docker push -q ${prefix}/{}:latest`, env);
  };
}

/**
 * `buildx build` of all with the BuildKit of the engine, which is what `docker build` is where buildx is
 * installed, then `docker push`. The engine of the bench has no bridge, so no network is asked for.
 */
export function xargsBuildx(builds: number, pushes: number): Way {
  return async ({ contexts, prefix, docker, folder }) => {
    const env = { DOCKER_HOST: docker, HOME: folder };
    const build = `buildx build -q --network=none -t ${prefix}/{}:latest ${contexts.folder}/{}`;
    await xargs(contexts.names, builds, build, env);
    await xargs(contexts.names, pushes, `docker push -q ${prefix}/{}:latest`, env);
  };
}

/** Compose's own build and push: version 2, which pushes without a bound and builds as it sees fit. */
export function compose(kit: boolean): Way {
  return async ({ contexts, docker, folder }) => {
    const env = { DOCKER_HOST: docker, HOME: folder, DOCKER_BUILDKIT: kit ? '1' : '0' };
    const file = ['-f', contexts.compose];
    await mustRun('docker-compose', [...file, 'build', '--quiet'], { env, timeoutMs: MOST_MS });
    await mustRun('docker-compose', [...file, 'push', '--quiet'], { env, timeoutMs: MOST_MS });
  };
}

/** `buildah bud` of all, so many at once, then `buildah push`. */
export function xargsBuildah(builds: number, pushes: number): Way {
  return async ({ contexts, prefix, storage, folder }) => {
    const env = { HOME: folder, BUILDAH_ISOLATION: 'chroot', CONTAINERS_STORAGE_CONF: storage };
    const build = `buildah bud --layers -q --tls-verify=false -t ${prefix}/{}:latest ${contexts.folder}/{}`;
    await xargs(contexts.names, builds, build, env);
    const push = `buildah push -q --tls-verify=false ${prefix}/{}:latest docker://${prefix}/{}:latest`;
    await xargs(contexts.names, pushes, push, env);
  };
}

async function xargs(
  names: readonly string[],
  width: number,
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await mustRun('xargs', ['-P', String(width), '-I', '{}', 'sh', '-c', `${command} >/dev/null`], {
    input: `${names.join('\n')}\n`,
    env,
    timeoutMs: MOST_MS,
  });
}
