import { isLongshoreError, type LongshoreError } from '../errors.ts';
import { RegistryError } from './errors.ts';
import type { BlobStream, Registry, RegistryEvent, RepositoryAddress } from './types.ts';

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
/** One body that breaks is chance; so many in a row are the mirror. */
const BREAKS = 3;

/**
 * Puts mirrors before a client: each request asks the mirrors of its registry in their order, then the
 * registry itself, and the first who answers well serves it. A mirror that is down, limits, or does
 * not have it costs one try, and one whose bodies break three of them; what it sends is verified like
 * everything else. Errors are those of the registry itself.
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
  /** By mirror, since the last body that came well. */
  const breaks = new Map<string, number>();

  function passOver(mirror: string, host: string, { code, message }: LongshoreError): void {
    // What it does not have says nothing about what it has.
    if (code !== 'ERR_NOT_FOUND') restingUntil.set(mirror, now() + REST_MS);
    const text = `mirror ${mirror} passed over: ${message}`;
    onEvent({ type: 'registry.warning', registry: host, text });
  }

  async function first<A extends RepositoryAddress, T>(
    address: A,
    signal: AbortSignal | undefined,
    ask: (address: A, mirror: string | undefined) => Promise<T>,
  ): Promise<T> {
    for (const mirror of mirrors.get(address.registry) ?? []) {
      if ((restingUntil.get(mirror.registry) ?? 0) > now()) continue;
      try {
        return await ask({ ...address, ...mirrored(address, mirror) }, mirror.registry);
      } catch (error) {
        if (signal?.aborted === true || !isLongshoreError(error)) throw error;
        passOver(mirror.registry, address.registry, error);
      }
    }
    return ask(address, undefined);
  }

  /** Who has read enough of a body leaves it with an error of his own. */
  function noteEnd(mirror: string, host: string, error: unknown): void {
    const count = error instanceof RegistryError ? (breaks.get(mirror) ?? 0) + 1 : 0;
    breaks.set(mirror, count % BREAKS);
    if (error instanceof RegistryError && count >= BREAKS) passOver(mirror, host, error);
  }

  /** A mirror can fail after its answer, too. What ends a body from our side is no fault of its own. */
  function watched(
    stream: BlobStream,
    { mirror, host, signal }: { mirror: string; host: string; signal: AbortSignal | undefined },
  ): BlobStream {
    const { origin, start, end, ranged, via } = stream;
    const cancel = (): void => stream.cancel();
    const consume: BlobStream['consume'] = async (onChunk) => {
      try {
        await stream.consume(onChunk);
        breaks.delete(mirror);
      } catch (error) {
        if (signal?.aborted !== true) noteEnd(mirror, host, error);
        throw error;
      }
    };
    return { origin, start, end, ranged, via, cancel, consume };
  }

  return {
    ...registry,
    resolve: (reference, options = {}) =>
      first(reference, options.signal, (where, mirror) =>
        registry.resolve(where, mirror === undefined ? options : { ...options, retry: false }),
      ),
    manifest: (repository, descriptor, options = {}) =>
      first(repository, options.signal, (where, mirror) => {
        const once = mirror === undefined ? options : { ...options, retry: false };
        return registry.manifest(where, descriptor, once);
      }),
    openBlob: (repository, descriptor, request = {}) => {
      if (request.mirrors === false) return registry.openBlob(repository, descriptor, request);
      const { signal } = request;
      return first(repository, signal, async (where, mirror) => {
        if (mirror === undefined) return registry.openBlob(where, descriptor, request);
        const stream = await registry.openBlob(where, descriptor, { ...request, retry: false });
        return watched(stream, { mirror, host: repository.registry, signal });
      });
    },
  };
}

function mirrored(
  { repository }: RepositoryAddress,
  { registry, prefix }: Mirror,
): RepositoryAddress {
  return { registry, repository: prefix === undefined ? repository : `${prefix}/${repository}` };
}
