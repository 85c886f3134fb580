import type { LongshoreError } from '../../errors.ts';
import { parseReference } from '../../image/index.ts';
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
  const [, source = entry.input, destination] = /^(.*?)(?:=|\s+)(.*)$/.exec(entry.input) ?? [];
  return { ...entry, source, destination };
}

/**
 * The pairs of a copy, each with both its ends, and a place to go that can be named.
 * @throws LongshoreError `ERR_USAGE`
 */
export function requireDestinations(
  pairs: readonly PairEntry[],
): readonly (PairEntry & { readonly destination: string })[] {
  return pairs.map((pair) => {
    const { destination, input, where = 'copy' } = pair;
    if (destination === undefined || destination === '') {
      throw usageError(
        `${where}: ${JSON.stringify(input)} has no destination`,
        'Write SRC DEST, for example debian:12 registry.lab/mirror/debian:12',
      );
    }
    checkDestination(destination, where);
    return { ...pair, destination };
  });
}

/** Told before the first byte is fetched that could go nowhere. */
function checkDestination(destination: string, where: string): void {
  try {
    parseReference(destination);
  } catch (error) {
    const { message, hint } = error as LongshoreError;
    throw usageError(`${where}: ${message}`, hint);
  }
}
