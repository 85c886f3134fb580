import { isLongshoreError, type LongshoreError } from '../errors.ts';
import { RegistryError } from './errors.ts';
import type {
  BlobRequest,
  BlobStream,
  Registry,
  RegistryEvent,
  RepositoryAddress,
} from './types.ts';

/** A registry that holds what another one holds. */
export interface Mirror {
  /** Host, with a port where it has one. */
  readonly registry: string;
  /** Path before every repository, without slashes at its ends: `hub` for `harbor.lab/hub/library/debian`. */
  readonly prefix?: string;
}

/** Mirrors of each registry, in the order in which they are asked. */
export type Mirrors = ReadonlyMap<string, readonly Mirror[]>;

/** What every kind of request can be told. */
type Asking = Pick<BlobRequest, 'signal' | 'retry'>;

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

  /** Mirrors are asked once, the registry itself as often as `options` have it. */
  async function first<A extends RepositoryAddress, O extends Asking, T>(
    address: A,
    options: O,
    ask: (address: A, options: O, mirror: string | undefined) => Promise<T>,
  ): Promise<T> {
    for (const mirror of mirrors.get(address.registry) ?? []) {
      if ((restingUntil.get(mirror.registry) ?? 0) > now()) continue;
      try {
        const where = { ...address, ...mirrored(address, mirror) };
        return await ask(where, { ...options, retry: false }, mirror.registry);
      } catch (error) {
        if (options.signal?.aborted === true || !isLongshoreError(error)) throw error;
        passOver(mirror.registry, address.registry, error);
      }
    }
    return ask(address, options, undefined);
  }

  /** @param error why the body broke; who has read enough of it leaves it with an error of his own */
  function noteEnd(mirror: string, host: string, error: unknown): void {
    const isBroken = error instanceof RegistryError;
    const count = isBroken ? (breaks.get(mirror) ?? 0) + 1 : 0;
    breaks.set(mirror, count % BREAKS);
    if (isBroken && count >= BREAKS) passOver(mirror, host, error);
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
        noteEnd(mirror, host, undefined);
      } catch (error) {
        if (signal?.aborted !== true) noteEnd(mirror, host, error);
        throw error;
      }
    };
    return { origin, start, end, ranged, via, cancel, consume };
  }

  return {
    ...registry,
    resolve: (reference, lookup = {}) =>
      first(reference, lookup, (where, options) => registry.resolve(where, options)),
    manifest: (repository, descriptor, lookup = {}) =>
      first(repository, lookup, (where, options) => registry.manifest(where, descriptor, options)),
    openBlob: (repository, descriptor, request = {}) => {
      if (request.mirrors === false) return registry.openBlob(repository, descriptor, request);
      return first(repository, request, async (where, options, mirror) => {
        const stream = await registry.openBlob(where, descriptor, options);
        const { signal } = request;
        return mirror === undefined
          ? stream
          : watched(stream, { mirror, host: repository.registry, signal });
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
