import path from 'node:path';
import { OUTPUT_KINDS as EXPORT_KINDS, type OutputKind } from '../../export/index.ts';
import { isStdout, isStream } from '../../fileSystem.ts';
import { didYouMean } from '../../suggest.ts';
import { usageError } from '../failures.ts';

/** A place for images beyond the store. */
export interface OutputSpec {
  readonly kind: 'oci' | 'layers' | OutputKind;
  /** Absolute; a slash at its end is kept, as it says that a directory is meant. */
  readonly path: string;
}

const KINDS = ['oci', 'layers', ...EXPORT_KINDS] as const;

/**
 * Reads `KIND:PATH`, as `--to` takes it.
 * @throws LongshoreError `ERR_USAGE`
 */
export function parseOutput(text: string, cwd: string): OutputSpec {
  const colon = text.indexOf(':');
  const word = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  const kind = KINDS.find((known) => known === word);
  if (kind === undefined) {
    const guess = didYouMean(word, KINDS);
    throw usageError(
      `--to: ${JSON.stringify(text)} is not KIND:PATH${guess}`,
      `KIND is one of ${KINDS.join(', ')}`,
    );
  }
  if (rest === '' || rest.includes('\0')) {
    throw usageError(`--to: ${JSON.stringify(text)} names no path`);
  }
  const slash = rest.endsWith('/') && rest !== '/' ? '/' : '';
  return { kind, path: path.resolve(cwd, rest) + slash };
}

/** Whether one of the outputs is an archive that goes to stdout: nothing else may be printed there then. */
export async function isStdoutTaken(outputs: readonly string[], cwd: string): Promise<boolean> {
  for (const text of outputs) {
    const { kind, path: place } = parseOutput(text, cwd);
    const isArchive = kind.endsWith('-archive');
    if (isArchive && (await isStream(place)) && (await isStdout(place))) return true;
  }
  return false;
}
