import { LongshoreError } from '../errors.ts';

/** Shapes in which an image can leave the store. */
export const OUTPUT_KINDS = [
  'oci',
  'oci-archive',
  'docker-archive',
  'layers',
  'rootfs',
  'squashfs',
  'sif',
] as const;

export type OutputKind = (typeof OUTPUT_KINDS)[number];

/** What to write, and where. */
export interface Output {
  readonly kind: OutputKind;
  /** As given; relative to the caller's working directory. */
  readonly path: string;
}

/** Kinds of which the path is a directory. */
export function isDirectoryOutput(kind: OutputKind): boolean {
  return kind === 'oci' || kind === 'layers' || kind === 'rootfs';
}

/**
 * Reads `KIND:PATH` as `--to` takes it.
 * @throws LongshoreError `ERR_OUTPUT_INVALID`
 */
export function parseOutput(text: string): Output {
  const colon = text.indexOf(':');
  const kind = OUTPUT_KINDS.find((known) => known === text.slice(0, Math.max(colon, 0)));
  const path = text.slice(colon + 1);
  if (kind !== undefined && path !== '' && !path.includes('\0')) return { kind, path };
  const reason =
    kind === undefined
      ? 'it does not start with a kind that is known'
      : 'the path after the colon is missing';
  throw new LongshoreError(`Not an output: ${JSON.stringify(text.slice(0, 200))}: ${reason}`, {
    code: 'ERR_OUTPUT_INVALID',
    origin: 'input',
    hint: `Write KIND:PATH, where KIND is one of ${OUTPUT_KINDS.join(', ')}`,
  });
}
