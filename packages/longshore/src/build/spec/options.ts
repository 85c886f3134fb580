import type { RunBake } from './bake/runBake.ts';
import type { Naming } from './names.ts';

export interface ReadBuildGraphOptions extends Naming {
  /**
   * Bake files (HCL, JSON), compose files, Dockerfiles and folders of Dockerfiles. Empty: what
   * buildx and compose would find in `workingDirectory`, else that folder itself.
   */
  readonly files: readonly string[];
  /**
   * Names of targets and groups, patterns of them (`web-*`). Empty: the group `default` of bake
   * files, all services of compose whose profiles are active, all Dockerfiles of folders.
   */
  readonly targets: readonly string[];
  /** Absolute. What relative paths and bake's contexts count from. */
  readonly workingDirectory: string;
  /** For variables and interpolation; the library does not look at its own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `TARGET.KEY=VALUE`, as `--set` of bake has it. */
  readonly overrides?: readonly string[] | undefined;
  /** Active profiles of compose. @defaultValue those of `COMPOSE_PROFILES` */
  readonly profiles?: readonly string[] | undefined;
  /** How buildx is run for HCL. @defaultValue `docker buildx`, else `buildx` */
  readonly runBake?: RunBake | undefined;
  readonly signal?: AbortSignal | undefined;
}
