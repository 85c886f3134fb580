import { formatPlatform, type Platform } from '../../../image/index.ts';
import type { BuildTarget, CacheEntry } from '../../target.ts';
import { contextFlags, pairFlags } from '../buildFlags.ts';

/** What `buildah build` needs besides the target. */
export interface BuildahCall {
  readonly target: BuildTarget;
  readonly platform: Platform | undefined;
  /** Names that `FROM` and `COPY --from` use, and what is to be had under them. */
  readonly bases: ReadonlyMap<string, string>;
  /** Where a Dockerfile was written that stood in the specification. */
  readonly dockerfile: string;
  readonly authFile: string;
  /** Where the image goes, `127.0.0.1:1234/name:1`; without one it stays in buildah's storage. */
  readonly destination: string | undefined;
  /** Where buildah writes the image's identifier, for one that stays. */
  readonly idFile?: string | undefined;
  readonly isolation: string | undefined;
}

/**
 * The arguments of `buildah build` (1.28). The image goes straight to the registry, not through
 * the local storage first: 30 images, four at once, took 15.9 s so and 27.7 s the other way (one run
 * each); one at a time it made no difference. The price: the last step is never in the cache (see `known.ts`).
 * An image whose cache is exported stays there first (see `buildah.ts`).
 */
export function buildahArguments(call: BuildahCall): readonly string[] {
  const { target } = call;
  const { context } = target;
  return [
    'build',
    '--layers',
    '--force-rm',
    '--identity-label=false',
    '--format=oci',
    `--pull=${target.pull}`,
    `--authfile=${call.authFile}`,
    `--file=${call.dockerfile}`,
    ...optional('tag', call.destination && `docker://${call.destination}`),
    ...optional('iidfile', call.idFile),
    ...optional('isolation', call.isolation),
    ...optional('platform', call.platform && formatPlatform(call.platform)),
    ...optional('target', target.stage),
    ...(target.noCache ? ['--no-cache'] : []),
    ...pairFlags('build-arg', target.args),
    ...pairFlags('label', target.labels),
    ...target.annotations.map((text) => `--annotation=${text.replace(/^manifest:/, '')}`),
    ...contextFlags(
      target,
      Array.from(call.bases, ([name, reference]) => [name, `docker-image://${reference}`]),
    ),
    ...target.secrets.map(({ id, from }) =>
      from.kind === 'file'
        ? `--secret=id=${id},src=${from.path}`
        : `--secret=id=${id},env=${from.variable}`,
    ),
    ...target.ssh.map(
      ({ id, paths }) => `--ssh=${[id, paths.join(',')].filter(Boolean).join('=')}`,
    ),
    ...optional('network', target.network),
    ...optional('shm-size', target.shmBytes && `${target.shmBytes}b`),
    ...target.ulimits.map((limit) => `--ulimit=${limit}`),
    ...Object.entries(target.extraHosts).flatMap(([host, addresses]) =>
      addresses.map((address) => `--add-host=${host}:${address}`),
    ),
    ...target.cacheFrom.map((entry) => `--cache-from=${repositoryOf(entry)}`),
    ...target.cacheTo.map((entry) => `--cache-to=${repositoryOf(entry)}`),
    context.kind === 'folder' ? context.path : context.url,
  ];
}

/** Buildah keeps its cache under tags of its own in the repository. */
function repositoryOf(entry: CacheEntry): string {
  return (entry['ref'] ?? '').replace(/:[^/:]*$/, '');
}

function optional(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined || value === '' || value === 0 ? [] : [`--${name}=${value}`];
}
