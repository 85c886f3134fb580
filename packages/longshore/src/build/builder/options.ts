import type { AssembleOptions } from '../assemble/openAssemble.ts';
import type { BuildTarget } from '../target.ts';

/** Variables by name, as `process.env` has them; the library does not read that itself. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface BuilderOptions {
  /** What builders are started with, and where they are looked for (`PATH`, `DOCKER_HOST`, ...). */
  readonly environment: Environment;
  /** Where small files of a build go; removed when the builder closes. */
  readonly temporaryFolder: string;
  /** What is going to be built: `auto` prefers a builder that can do all of it. */
  readonly needs?: readonly BuildTarget[] | undefined;
  /** Address of the Docker Engine, before `DOCKER_HOST` and Docker's contexts. */
  readonly dockerHost?: string | undefined;
  readonly buildah?: BuildahOptions | undefined;
  readonly buildx?: BuildxOptions | undefined;
  /** For the builder `assemble`, which is there where this is given. */
  readonly assemble?: AssembleOptions | undefined;
}

export interface BuildxOptions {
  /** The builder instance, as `docker buildx ls` lists them. @defaultValue the current one */
  readonly instance?: string | undefined;
  /** The program. @defaultValue Docker's plug-in, else `docker-buildx` or `buildx` on the `PATH` */
  readonly path?: string | undefined;
}

export interface BuildahOptions {
  /** Where images and layers are kept. @defaultValue as `storage.conf` says */
  readonly root?: string | undefined;
  /** Where what is mounted now is kept. @defaultValue as `storage.conf` says */
  readonly runRoot?: string | undefined;
  /** `overlay`, `vfs`, ... @defaultValue as `storage.conf` says */
  readonly storageDriver?: string | undefined;
  /**
   * What keeps a `RUN` apart from this machine.
   * @defaultValue `BUILDAH_ISOLATION`; without it buildah's own, and `chroot` where neither runc nor crun is
   */
  readonly isolation?: 'oci' | 'rootless' | 'chroot' | undefined;
}
