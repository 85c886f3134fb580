import path from 'node:path';
import { usageError } from '../failures.ts';
import { didYouMean } from '../settings/suggest.ts';

/** A place for images beyond the store. */
export interface OutputSpec {
  readonly kind: 'oci' | 'layers';
  readonly directory: string;
}

const KINDS = ['oci', 'layers'] as const;

/**
 * Reads `oci:DIR` or `layers:DIR`.
 * @throws LongshoreError `ERR_USAGE`
 */
export function parseOutput(text: string, cwd: string): OutputSpec {
  const colon = text.indexOf(':');
  const word = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  const kind = KINDS.find((known) => known === word);
  if (kind === undefined) {
    const guess = didYouMean(word, KINDS);
    throw usageError(`--to: ${JSON.stringify(text)} is not oci:DIR or layers:DIR${guess}`);
  }
  if (rest === '') throw usageError(`--to: ${JSON.stringify(text)} names no directory`);
  return { kind, directory: path.resolve(cwd, rest) };
}
