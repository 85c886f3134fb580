import type { Store } from '../store/index.ts';
import type { AuthOptions } from './auth.ts';
import type { Faults } from './faults.ts';
import type { RegistryStats } from './stats.ts';

export interface RegistryServerOptions {
  /** What it serves and takes pushes into. It stays open when the server closes. */
  readonly store: Store;
  /** Address to listen on. @defaultValue `127.0.0.1` */
  readonly address?: string;
  /** @defaultValue 0: a free one */
  readonly port?: number;
  /** Serves HTTPS. PEM. @defaultValue plain HTTP */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /**
   * Host that repositories without one belong to in the store: `/v2/app/` serves `localhost/app`,
   * `/v2/ghcr.io/owner/app/` and `/v2/owner/app/?ns=ghcr.io` serve `ghcr.io/owner/app`.
   * @defaultValue `localhost`
   */
  readonly namespace?: string;
  /**
   * `strict`: a repository holds what its references lead to and what was pushed or mounted to it;
   * `shared`: it holds every blob of the store. @defaultValue `strict`
   */
  readonly visibility?: 'strict' | 'shared';
  /** Refuses pushes and deletes with 405. @defaultValue false */
  readonly readOnly?: boolean;
  readonly auth?: AuthOptions;
  /** @defaultValue none */
  readonly faults?: Faults;
  /** How long an upload may lie untouched before it is thrown away. @defaultValue one hour */
  readonly uploadIdleMs?: number;
  /** How many requests `stats.log` keeps. @defaultValue 10000 */
  readonly logLimit?: number;
  /** Milliseconds since the epoch, for what expires. @defaultValue Date.now */
  readonly now?: () => number;
}

/** A registry that is listening. */
export interface RegistryServer extends AsyncDisposable {
  /** Scheme, host and port: `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Host and port, as references carry it: `127.0.0.1:41234`. */
  readonly host: string;
  readonly port: number;
  readonly stats: RegistryStats;
  /** What goes wrong on purpose; replace the object to change it, also while requests run. */
  faults: Faults;
  /**
   * Resolves when no request is being answered. A client may have its last byte a moment before the
   * statistics have its request, so tests wait for this before they count.
   */
  idle(): Promise<void>;
  /** Makes every access and identity token worthless that is out by now. */
  revokeTokens(): void;
  /** Stops at once: connections are cut, unfinished uploads thrown away. Idempotent. */
  close(): Promise<void>;
}
