import type { PulledImage, PullResult } from '../../transfer/index.ts';
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
  /** `where` is the file and line of an image that came from a list. */
  readonly images: readonly (PulledImage & { readonly where?: string })[];
}

export function pullDocument(
  result: PullResult,
  facts: {
    readonly entries: readonly Entry[];
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
    images: images.map((image, i) => withPlace(image, facts.entries[i]?.where)),
  };
}

function withPlace(
  image: PulledImage,
  where: string | undefined,
): PulledImage & { readonly where?: string } {
  return where === undefined ? image : { ...image, where };
}
