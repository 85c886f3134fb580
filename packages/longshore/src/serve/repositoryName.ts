import { isLongshoreError } from '../errors.ts';
import {
  type Digest,
  formatReference,
  isRegistryHost,
  parseReference,
  type Reference,
} from '../image/index.ts';

/** A repository as requests and as the store's references name it. */
export interface RepositoryName {
  /** As requested: `app`, `ghcr.io/owner/app`. */
  readonly path: string;
  readonly registry: string;
  readonly repository: string;
  /** `registry/repository`. */
  readonly full: string;
}

export interface NamespaceOptions {
  /** Host that names without one belong to. */
  readonly namespace: string;
  /** The `ns` of the query, as containerd sends it to mirrors: it wins over everything. */
  readonly ns?: string | undefined;
}

/**
 * Which repository a path means: `ghcr.io/owner/app` is that of the other host, `app` is one of
 * the namespace. `undefined` when it is not a name.
 */
export function resolveRepository(
  path: string,
  options: NamespaceOptions,
): RepositoryName | undefined {
  const { host, rest } = splitHost(path, options);
  if (!isRegistryHost(host)) return undefined;
  const reference = readReference(`${host}/${rest}`);
  if (reference === undefined || reference.registry !== host) return undefined;
  const { registry, repository } = reference;
  return { path, registry, repository, full: `${registry}/${repository}` };
}

function splitHost(path: string, options: NamespaceOptions): { host: string; rest: string } {
  if (options.ns !== undefined && options.ns !== '') return { host: options.ns, rest: path };
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  return isHost
    ? { host: first, rest: path.slice(slash + 1) }
    : { host: options.namespace, rest: path };
}

/** The path under which a repository of the store is found here: the reverse of the above. */
export function pathOfRepository(registry: string, repository: string, namespace: string): string {
  if (registry !== namespace) return `${registry}/${repository}`;
  const ambiguous = /^[^/]*[.:][^/]*\/|^localhost\//.test(repository);
  return ambiguous ? `${registry}/${repository}` : repository;
}

/** The store's name for a tag or a digest of a repository; `undefined` when it is not one. */
export function referenceName(name: RepositoryName, target: string): string | undefined {
  const separator = target.includes(':') ? '@' : ':';
  const reference = readReference(`${name.full}${separator}${target}`);
  return reference === undefined ? undefined : formatReference(reference);
}

/** A stored name taken apart, or `undefined` when another hand wrote it. */
export function readReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (isLongshoreError(error)) return undefined;
    throw error;
  }
}

export function digestReferenceName(name: RepositoryName, digest: Digest): string {
  return `${name.full}@${digest}`;
}
