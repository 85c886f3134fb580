import { createHash } from 'node:crypto';
import { LongshoreError } from '../errors.ts';
import { DEFAULT_REGISTRY, parseReference } from '../image/index.ts';

/** Who looks for the file: each workflow engine has names of its own. */
export const NAMING_SCHEMES = ['plain', 'nextflow', 'snakemake', 'nf-core'] as const;

export type NamingScheme = (typeof NAMING_SCHEMES)[number];

/** The name of a file, and other names by which it is looked for as well. */
export interface ImageFileName {
  readonly name: string;
  /** Symbolic links to `name`, beside it. */
  readonly aliases: readonly string[];
}

export interface ImageFileNameOptions {
  /** For `nf-core`: registries for which links are made. */
  readonly registries?: readonly string[] | undefined;
  /** For `plain`; the engines' names have endings of their own. @defaultValue '.sif' */
  readonly extension?: string | undefined;
}

/**
 * The file name under which a batch of SIFs holds an image.
 *
 * - `plain`: the reference with `/` turned into `_` and `:` into `=`, and an ending; no two
 *   references share it.
 * - `nextflow`: as Nextflow names what it puts into `NXF_SINGULARITY_CACHEDIR`: the reference as
 *   the pipeline writes it, `/` and `:` turned into `-`, and `.img`.
 * - `nf-core`: the same, and a link for each of `registries` with that registry in front or taken
 *   away, as `nf-core download` makes them.
 * - `snakemake`: the MD5 of `docker://` and the reference, and `.simg`, as Snakemake names what it
 *   puts into its `--singularity-prefix`.
 *
 * @param reference just as the workflow writes it: these names are made from text, so that
 *   `debian:12` and `docker.io/library/debian:12` are two names. A scheme in front is kept for
 *   Snakemake and cut off for the others.
 * @throws LongshoreError `ERR_REFERENCE_INVALID`, `ERR_NAMING_SCHEME`
 */
export function imageFileName(
  scheme: NamingScheme,
  reference: string,
  options: ImageFileNameOptions = {},
): ImageFileName {
  const { registries = [], extension = '.sif' } = options;
  const bare = reference.replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
  // Only for its check: a name must not be able to leave the directory.
  const parsed = parseReference(bare);
  switch (scheme) {
    case 'plain':
      return { name: plainName(bare) + extension, aliases: [] };
    case 'nextflow':
      return { name: nextflowName(bare), aliases: [] };
    case 'nf-core': {
      const name = nextflowName(bare);
      const path = startsWithHost(bare) ? bare.slice(bare.indexOf('/') + 1) : bare;
      const home = parsed.registry === DEFAULT_REGISTRY ? [] : [parsed.registry];
      const others = [path, ...[...home, ...registries].map((registry) => `${registry}/${path}`)];
      const aliases = new Set(others.map(nextflowName));
      aliases.delete(name);
      return { name, aliases: [...aliases] };
    }
    case 'snakemake': {
      const url = reference === bare ? `docker://${bare}` : reference;
      return { name: `${createHash('md5').update(url).digest('hex')}.simg`, aliases: [] };
    }
  }
}

/** @throws LongshoreError `ERR_NAMING_SCHEME` */
export function parseNamingScheme(text: string): NamingScheme {
  const scheme = NAMING_SCHEMES.find((known) => known === text);
  if (scheme !== undefined) return scheme;
  throw new LongshoreError(`No way of naming images is called ${JSON.stringify(text)}`, {
    code: 'ERR_NAMING_SCHEME',
    origin: 'input',
    hint: `Choose one of ${NAMING_SCHEMES.join(', ')}`,
  });
}

/** `SingularityCache.simpleName` of Nextflow, its two cases for SIFs in registries included. */
function nextflowName(reference: string): string {
  if (reference.includes('.sif:')) return `${dashed(reference.replace('.sif:', '-'))}.sif`;
  if (reference.endsWith('.sif')) return `${dashed(reference.slice(0, -'.sif'.length))}.sif`;
  return `${dashed(reference)}.img`;
}

function dashed(reference: string): string {
  return reference.replaceAll(/[/:]/g, '-');
}

/** `_` may stand in references, too; it is doubled, so that it is not taken for a slash. */
function plainName(reference: string): string {
  return reference.replaceAll('_', '__').replaceAll('/', '_').replaceAll(':', '=');
}

function startsWithHost(reference: string): boolean {
  const first = reference.slice(0, Math.max(0, reference.indexOf('/')));
  return /[.:]/.test(first) || first === 'localhost';
}
