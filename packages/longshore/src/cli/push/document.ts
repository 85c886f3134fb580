import type { PushedImage, PushResult } from '../../transfer/index.ts';
import type { Entry } from '../pull/listFile.ts';

/** What `push --json` and `copy --json` print; the schema is `longshore schema push`. */
export interface PushDocument {
  readonly verb: 'push' | 'copy';
  /** Version of the program. */
  readonly longshore: string;
  readonly store: string;
  readonly outcome: PushResult['outcome'];
  readonly milliseconds: number;
  readonly fetchedBytes?: number;
  readonly sentBytes: number;
  readonly settled: PushResult['settled'];
  /** `where` is the file and line of an image that came from a list. */
  readonly images: readonly (PushedImage & { readonly where?: string })[];
}

export interface PushFacts {
  readonly verb: PushDocument['verb'];
  readonly entries: readonly Entry[];
  readonly store: string;
  readonly version: string;
  readonly fetchedBytes?: number;
}

export function pushDocument(result: PushResult, facts: PushFacts): PushDocument {
  const { outcome, milliseconds, sentBytes, settled, images } = result;
  const { verb, version, store, fetchedBytes, entries } = facts;
  return {
    verb,
    longshore: version,
    store,
    outcome,
    milliseconds,
    ...(fetchedBytes === undefined ? {} : { fetchedBytes }),
    sentBytes,
    settled,
    images: images.map((image, i) => withPlace(image, entries[i]?.where)),
  };
}

function withPlace(
  image: PushedImage,
  where: string | undefined,
): PushedImage & { readonly where?: string } {
  return where === undefined ? image : { ...image, where };
}
