import { isLongshoreError } from '../errors.ts';
import type { Registry, RegistryEvent, RepositoryAddress } from './types.ts';

/** A registry that holds what another one holds. */
export interface Mirror {
  /** Host, with a port where it has one. */
  readonly registry: string;
  /** Path before every repository, without slashes at its ends: `hub` for `harbor.lab/hub/library/debian`. */
  readonly prefix?: string;
}

/** Mirrors of each registry, in the order in which they are asked. */
export type Mirrors = ReadonlyMap<string, readonly Mirror[]>;

/** A mirror that has failed is passed over for so long; the registry itself never is. */
const REST_MS = 30_000;

/**
 * Puts mirrors before a client: each request asks the mirrors of its registry in their order, then the
 * registry itself, and the first who answers well serves it. A mirror that is down, limits, or does
 * not have it costs one try; what it sends is verified like everything else. Errors are those of the
 * registry itself.
 */
export function withMirrors(
  registry: Registry,
  mirrors: Mirrors,
  {
    now,
    onEvent,
  }: { readonly now: () => number; readonly onEvent: (event: RegistryEvent) => void },
): Registry {
  const restingUntil = new Map<string, number>();

  async function first<A extends RepositoryAddress, T>(
    address: A,
    signal: AbortSignal | undefined,
    ask: (address: A, isMirror: boolean) => Promise<T>,
  ): Promise<T> {
    for (const mirror of mirrors.get(address.registry) ?? []) {
      if ((restingUntil.get(mirror.registry) ?? 0) > now()) continue;
      try {
        return await ask({ ...address, ...mirrored(address, mirror) }, true);
      } catch (error) {
        if (signal?.aborted === true || !isLongshoreError(error)) throw error;
        // What it does not have says nothing about what it has.
        if (error.code !== 'ERR_NOT_FOUND') restingUntil.set(mirror.registry, now() + REST_MS);
        const text = `mirror ${mirror.registry} passed over: ${error.message}`;
        onEvent({ type: 'registry.warning', registry: address.registry, text });
      }
    }
    return ask(address, false);
  }

  return {
    ...registry,
    resolve: (reference, options = {}) =>
      first(reference, options.signal, (where) => registry.resolve(where, options)),
    manifest: (repository, descriptor, options = {}) =>
      first(repository, options.signal, (where) => registry.manifest(where, descriptor, options)),
    openBlob: (repository, descriptor, request = {}) => {
      if (request.mirrors === false) return registry.openBlob(repository, descriptor, request);
      return first(repository, request.signal, (where, isMirror) =>
        registry.openBlob(where, descriptor, isMirror ? { ...request, retry: false } : request),
      );
    },
  };
}

function mirrored(
  { repository }: RepositoryAddress,
  { registry, prefix }: Mirror,
): RepositoryAddress {
  return { registry, repository: prefix === undefined ? repository : `${prefix}/${repository}` };
}
