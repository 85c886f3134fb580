import { LongshoreError } from '../errors.ts';

/** Shapes into which an image is turned; `oci:` and `layers:` are plain copies, see `transfer/`. */
export const OUTPUT_KINDS = ['oci-archive', 'docker-archive', 'rootfs', 'squashfs', 'sif'] as const;

export type OutputKind = (typeof OUTPUT_KINDS)[number];

/** What to write, and where. */
export interface Output {
  readonly kind: OutputKind;
  /** As given; relative to the caller's working directory. */
  readonly path: string;
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
