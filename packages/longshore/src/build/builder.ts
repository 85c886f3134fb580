import type { Descriptor } from '../image/index.ts';
import type { Store } from '../store/index.ts';
import type { BuildTarget, BuiltImage } from './target.ts';

export type BuilderName = 'buildx' | 'engine' | 'buildah' | 'assemble';

/** How far a build is. */
export interface BuildStep {
  /** The instruction, on one line: `RUN apt-get update`. */
  readonly name: string;
  /** From 1. */
  readonly number: number;
  /** How many there are, where the builder tells. */
  readonly total?: number | undefined;
}

export interface BuildRequest {
  readonly target: BuildTarget;
  /** Where the image has to end up, complete and verified. */
  readonly store: Store;
  /** Images of the store that this one is built from, by what `FROM` or `COPY --from` calls them. */
  readonly bases: ReadonlyMap<string, Descriptor>;
  /** What the builder prints, without line ends and colour codes, as it comes. */
  readonly onLog: (line: string) => void;
  readonly onStep: (step: BuildStep) => void;
  /**
   * Aborted: end the build and all its processes, at the latest after a few seconds. The promise
   * rejects with the signal's reason once nothing is running any more.
   */
  readonly signal: AbortSignal;
}

/** What turns a target into an image of the store. Safe to be asked for many builds at once. */
export interface Builder extends AsyncDisposable {
  readonly name: BuilderName;
  /** `buildah 1.28.2`, for reports and logs. */
  readonly version: string;
  /**
   * What the target asks for and this builder cannot do, one phrase each (`secrets`, `platform
   * linux/arm64`). Asked for every target before anything runs: nothing is dropped in silence.
   */
  unsupported(target: BuildTarget): Promise<readonly string[]>;
  /**
   * @returns the image, which the store then holds with all its blobs; the caller names it.
   * @throws LongshoreError `ERR_BUILD_FAILED` (the Dockerfile's fault: its step and the last lines of
   *   output in the message), `ERR_BUILDER_GONE` (the builder or its daemon died or went away;
   *   retryable), and what the store throws
   */
  build(request: BuildRequest): Promise<BuiltImage>;
}
