import { usageError } from '../failures.ts';
import type { Entry } from '../pull/listFile.ts';

/** One image to push, and where it was named. */
export interface PairEntry extends Entry {
  readonly source: string;
  readonly destination: string | undefined;
}

/**
 * Reads `REF` or `REF=DEST`, or `REF DEST` as lists may have it. References have neither `=` nor
 * spaces, so nothing is guessed.
 */
export function readPair(entry: Entry): PairEntry {
  const [source = '', ...rest] = entry.input.split(/=|\s+/);
  const destination = rest.length === 0 ? undefined : rest.join('=');
  return { ...entry, source, destination };
}

/**
 * The pairs of a copy, each with both its ends.
 * @throws LongshoreError `ERR_USAGE`
 */
export function requireDestinations(
  pairs: readonly PairEntry[],
): readonly (PairEntry & { readonly destination: string })[] {
  return pairs.map((pair) => {
    const { destination, input, where = 'copy' } = pair;
    if (destination !== undefined && destination !== '') return { ...pair, destination };
    throw usageError(
      `${where}: ${JSON.stringify(input)} has no destination`,
      'Write SRC DEST, for example debian:12 registry.lab/mirror/debian:12',
    );
  });
}
