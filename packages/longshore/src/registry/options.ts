import type { CredentialStore } from './credentials/types.ts';
import type { Mirrors } from './mirrors.ts';
import { type Proxies, type ProxySettings, readProxies } from './proxy.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './retry.ts';
import type { RegistryEvent } from './types.ts';

/** PEM text, one or several blocks. */
export type Pem = string | Buffer;

export interface RegistryOptions {
  /** Who to be, where a registry asks. @defaultValue anonymous everywhere */
  readonly credentials?: CredentialStore | undefined;
  /**
   * Hosts besides loopback that may be spoken to in plain HTTP: `host:port`, or `host` for all of
   * its ports. @defaultValue none
   */
  readonly insecureHosts?: readonly string[] | undefined;
  /** Registries that are asked before others, by the host they stand in for. @defaultValue none */
  readonly mirrors?: Mirrors | undefined;
  /** Authorities trusted besides those that Node trusts already. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** Client certificate with its chain; shown to every host that asks for one. Needs `key`. */
  readonly cert?: Pem | undefined;
  /** Private key of `cert`, not encrypted. */
  readonly key?: Pem | undefined;
  /** @defaultValue direct connections */
  readonly proxy?: ProxySettings | undefined;
  /** @defaultValue `longshore` */
  readonly userAgent?: string | undefined;
  /** Until TCP and TLS stand. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** From the request to the end of the response head. @defaultValue 60_000 */
  readonly headersTimeoutMs?: number | undefined;
  /** Silence inside a body; the time in which we do not read is not counted. @defaultValue 30_000 */
  readonly stallTimeoutMs?: number | undefined;
  /** Merged over `DEFAULT_RETRY_POLICY`. */
  readonly retry?: Partial<RetryPolicy> | undefined;
  /**
   * `auto` uses the lean reader on direct connections and undici for what that one leaves;
   * `undici` uses undici for everything. @defaultValue `auto`
   */
  readonly bodyPath?: 'auto' | 'undici' | undefined;
  /** Told of retries, throttling, quotas and warnings, at once and synchronously. */
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
  /** From 0 up to 1, for jitter. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined;
  /** Waits, or rejects with the signal's reason. @defaultValue a timer */
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** Milliseconds that only grow, for token lifetimes and caps. @defaultValue `performance.now` */
  readonly now?: (() => number) | undefined;
}

/** `RegistryOptions` with every default filled in and every value checked. */
export interface ResolvedOptions {
  readonly credentials: CredentialStore | undefined;
  readonly insecureHosts: ReadonlySet<string>;
  readonly ca: readonly Pem[];
  readonly cert: Pem | undefined;
  readonly key: Pem | undefined;
  readonly proxy: Proxies;
  readonly userAgent: string;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly retry: RetryPolicy;
  readonly bodyPath: 'auto' | 'undici';
  readonly onEvent: (event: RegistryEvent) => void;
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly now: () => number;
}

/**
 * @throws RangeError for a time that is not a positive number
 * @throws LongshoreError `ERR_PROXY_CONFIG` for the address of a proxy that cannot be used
 */
export function resolveOptions(options: RegistryOptions): ResolvedOptions {
  const { ca = [] } = options;
  return {
    credentials: options.credentials,
    insecureHosts: new Set(options.insecureHosts?.map((host) => host.toLowerCase())),
    ca: Array.isArray(ca) ? ca : [ca],
    cert: options.cert,
    key: options.key,
    proxy: readProxies(options.proxy ?? {}),
    userAgent: options.userAgent ?? 'longshore',
    connectTimeoutMs: positive('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    headersTimeoutMs: positive('headersTimeoutMs', options.headersTimeoutMs ?? 60_000),
    stallTimeoutMs: positive('stallTimeoutMs', options.stallTimeoutMs ?? 30_000),
    retry: { ...DEFAULT_RETRY_POLICY, ...options.retry },
    bodyPath: options.bodyPath ?? 'auto',
    onEvent: options.onEvent ?? (() => undefined),
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleep,
    now: options.now ?? (() => performance.now()),
  };
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`${name} must be a positive number, not ${value}`);
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted === true) {
    reject(signal.reason);
    return promise;
  }
  const timer = setTimeout(resolve, ms);
  const onAbort = (): void => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => signal?.removeEventListener('abort', onAbort));
}
