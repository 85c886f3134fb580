import { formatPlatform } from '../../../image/index.ts';
import type { BuildTarget, CacheEntry } from '../../target.ts';
import { contextFlags, pairFlags } from '../buildFlags.ts';

/** What `buildx build` needs besides the target. */
export interface BuildxCall {
  readonly target: BuildTarget;
  /** The builder instance. @defaultValue the current one */
  readonly instance: string | undefined;
  /** Names that `FROM` and `COPY --from` use, and what is to be had under them. */
  readonly bases: ReadonlyMap<string, string>;
  /** Path of the Dockerfile, or its name within a context that is fetched. */
  readonly dockerfile: string;
  /** The folder that becomes an OCI layout with the image. */
  readonly output: string;
  readonly metadataFile: string;
}

/** The arguments of `buildx build`. */
export function buildxArguments(call: BuildxCall): readonly string[] {
  const { target } = call;
  const { context } = target;
  const platforms = target.platforms.map(formatPlatform).join(',');
  const attestsOrigin = target.attestations.some(({ type }) => type === 'provenance');
  return [
    'build',
    '--progress=rawjson',
    `--file=${call.dockerfile}`,
    `--metadata-file=${call.metadataFile}`,
    `--output=${csv(['type=oci', 'tar=false', `dest=${call.output}`])}`,
    ...optional('builder', call.instance),
    ...optional('platform', platforms),
    ...optional('target', target.stage),
    ...optional('network', target.network),
    ...optional('shm-size', target.shmBytes),
    ...(target.noCache ? ['--no-cache'] : []),
    ...(target.pull ? ['--pull'] : []),
    // Without this some versions add one of their own, and equal builds are no longer equal.
    ...(attestsOrigin ? [] : ['--provenance=false']),
    ...target.noCacheFilter.map((stage) => `--no-cache-filter=${stage}`),
    ...pairFlags('build-arg', target.args),
    ...pairFlags('label', target.labels),
    ...target.annotations.map((text) => `--annotation=${text}`),
    ...contextFlags(
      target,
      Array.from(call.bases, ([name, layout]) => [name, `oci-layout://${layout}`]),
    ),
    ...target.secrets.map(({ id, from }) => {
      const where = from.kind === 'file' ? `src=${from.path}` : `env=${from.variable}`;
      return `--secret=${csv([`id=${id}`, where])}`;
    }),
    ...target.ssh.map(
      ({ id, paths }) =>
        `--ssh=${[id, ...(paths.length === 0 ? [] : [paths.join(',')])].join('=')}`,
    ),
    ...target.cacheFrom.map((entry) => `--cache-from=${entryText(entry)}`),
    ...target.cacheTo.map((entry) => `--cache-to=${entryText(entry)}`),
    ...target.attestations.map((entry) => `--attest=${entryText(entry)}`),
    ...target.entitlements.map((name) => `--allow=${name}`),
    ...target.ulimits.map((limit) => `--ulimit=${limit}`),
    ...Object.entries(target.extraHosts).flatMap(([host, addresses]) =>
      addresses.map((address) => `--add-host=${host}:${address}`),
    ),
    '--',
    context.kind === 'folder' ? context.path : context.url,
  ];
}

function entryText(entry: CacheEntry): string {
  return csv(Object.entries(entry).map(([name, value]) => `${name}=${value}`));
}

/** One line of CSV, as Go's reader takes it: fields with commas or quotes in quotes. */
function csv(fields: readonly string[]): string {
  return fields
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}

function optional(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [`--${name}=${value}`];
}
