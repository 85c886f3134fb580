import type { PulledImage, PullResult } from '../../transfer/index.ts';
import type { Forecast } from './forecast.ts';
import type { Entry } from './listFile.ts';

/** What `pull --json` prints and `--report` writes; its schema is `longshore schema pull`. */
export interface PullDocument {
  readonly verb: 'pull';
  /** Version of the program. */
  readonly longshore: string;
  readonly store: string;
  readonly outcome: PullResult['outcome'];
  readonly milliseconds: number;
  readonly fetchedBytes: number;
  /** For each server of bytes: how wide the run settled, and why. */
  readonly settled: PullResult['settled'];
  readonly plan?: NonNullable<PullResult['plan']>;
  /** What the run was expected to take of disks: of the store, and of each output that is estimated. */
  readonly outputs: readonly OutputDocument[];
  /** `where` is the file and line of an image that came from a list. */
  readonly images: readonly (PulledImage & { readonly where?: string })[];
}

/** Bytes and files are what was expected before the run, room is what there was. */
export interface OutputDocument {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly temporaryBytes: number;
  readonly inodes?: number;
  readonly freeBytes?: number;
  readonly freeInodes?: number;
  readonly quotaBytes?: number;
  readonly quotaInodes?: number;
}

function outputDocument({ space, inodes, ...rest }: Forecast): OutputDocument {
  const quota = space?.quota;
  return {
    ...rest,
    ...(inodes === undefined ? {} : { inodes }),
    ...(space === undefined ? {} : { freeBytes: space.freeBytes }),
    ...(space?.freeInodes === undefined ? {} : { freeInodes: space.freeInodes }),
    ...(quota?.bytes === undefined ? {} : { quotaBytes: quota.bytes }),
    ...(quota?.inodes === undefined ? {} : { quotaInodes: quota.inodes }),
  };
}

export function pullDocument(
  result: PullResult,
  facts: {
    readonly entries: readonly Entry[];
    readonly forecasts: readonly Forecast[];
    readonly store: string;
    readonly version: string;
  },
): PullDocument {
  const { outcome, milliseconds, fetchedBytes, settled, plan, images } = result;
  return {
    verb: 'pull',
    longshore: facts.version,
    store: facts.store,
    outcome,
    milliseconds,
    fetchedBytes,
    settled,
    ...(plan === undefined ? {} : { plan }),
    outputs: facts.forecasts.map(outputDocument),
    images: images.map((image, i) => withPlace(image, facts.entries[i]?.where)),
  };
}

function withPlace(
  image: PulledImage,
  where: string | undefined,
): PulledImage & { readonly where?: string } {
  return where === undefined ? image : { ...image, where };
}
