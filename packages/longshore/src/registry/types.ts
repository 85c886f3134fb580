import type { Descriptor, Reference } from '../image/index.ts';

/** A repository on a registry; any `Reference` is one. */
export type RepositoryAddress = Pick<Reference, 'registry' | 'repository'>;

/** Takes bytes as they arrive. The chunk may be reused once this returns, or its promise settles. */
export type ChunkConsumer = (chunk: Uint8Array) => undefined | Promise<void>;

/** The body of a blob after its response head, before its bytes: decide, then `consume` or `cancel`. */
export interface BlobStream {
  /** Scheme, host and port that serve the bytes, after redirects: `https://cdn.example:443`. */
  readonly origin: string;
  /** Offset of the first byte that comes: 0 where the server ignored the range. */
  readonly start: number;
  /** Offset after the last byte that comes, when the server told. */
  readonly end: number | undefined;
  /** True for a 206 whose `Content-Range` was checked against the request and the descriptor. */
  readonly ranged: boolean;
  /** Which reader serves it; for reports and tests. */
  readonly via: 'direct' | 'undici';
  /**
   * Feeds every byte to `onChunk`, in order; settles when the body has ended exactly where it had to.
   * @throws LongshoreError `ERR_BODY_TRUNCATED`, `ERR_BODY_TOO_LONG`, `ERR_STALLED`, `ERR_NETWORK`;
   *   whatever `onChunk` throws; the signal's reason
   */
  consume(onChunk: ChunkConsumer): Promise<void>;
  /** Gives the connection up without reading on. Idempotent. */
  cancel(): void;
}

export interface BlobRequest extends Partial<{ readonly start: number; readonly end: number }> {
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether what may pass (network, 429, 5xx) is tried again here. A caller that gives back its
   * permit while it waits, and that decides for many requests at once, says no.
   * @defaultValue true
   */
  readonly retry?: boolean | undefined;
  /** Whether mirrors may serve it; no after one of them has sent what was not asked for. @defaultValue true */
  readonly mirrors?: boolean;
}

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** What registries told about their pull quota, from `ratelimit-*` headers. */
export interface PullQuota {
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number | undefined;
}

/** What happens below a request that its caller does not see. */
export type RegistryEvent =
  | {
      readonly type: 'registry.retry';
      readonly origin: string;
      /** Method and path, without query. */
      readonly request: string;
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  | {
      /** A 429 or 503: the limiter of that origin wants to know at once. */
      readonly type: 'registry.throttled';
      readonly origin: string;
      readonly status: number;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly type: 'registry.quota'; readonly registry: string; readonly quota: PullQuota }
  | { readonly type: 'registry.warning'; readonly registry: string; readonly text: string };

export interface ManifestLookup {
  readonly signal?: AbortSignal | undefined;
  /**
   * The manifest will be asked for next: it is fetched at once, without the HEAD that saves it where
   * it is held, and kept for that.
   * @defaultValue false
   */
  readonly manifestToo?: boolean | undefined;
  /** As in {@link BlobRequest}. @defaultValue true */
  readonly retry?: boolean | undefined;
}

/** A client of the OCI distribution API, over all registries that a run talks to. */
export interface Registry {
  /**
   * The descriptor that a reference names now: HEAD, or GET where HEAD does not tell the digest or
   * where the manifest is wanted as well.
   * For a reference with a digest it is still asked, for media type and size.
   */
  resolve(reference: Reference, options?: ManifestLookup): Promise<Descriptor>;
  /**
   * A manifest or index by digest, verified against digest and size, at most 4 MiB.
   * @throws LongshoreError `ERR_MANIFEST_TOO_LARGE`, `ERR_DIGEST_MISMATCH`, `ERR_SIZE_MISMATCH`
   */
  manifest(
    repository: RepositoryAddress,
    descriptor: Descriptor,
    options?: Pick<ManifestLookup, 'signal' | 'retry'>,
  ): Promise<FetchedManifest>;
  /**
   * Opens a blob, or a range of it, after auth, redirects and request-level retries. Every call asks
   * the registry anew, so that a signed address is never older than its request.
   */
  openBlob(
    repository: RepositoryAddress,
    descriptor: Descriptor,
    request?: BlobRequest,
  ): Promise<BlobStream>;
  /** Whether the credentials are accepted by the registry; for `login`. Throws when they are not. */
  ping(registry: string, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * The least time that connecting to a host has taken so far, in milliseconds; `undefined` where no
   * connection of our own was opened yet.
   * @param server a registry, or an origin that serves its bytes
   */
  connectMs(server: string): number | undefined;
  close(): Promise<void>;
}
