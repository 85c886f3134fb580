import type { RememberedCeiling } from '../../concurrency/index.ts';
import type { Descriptor, Digest } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import type { ErrorSummary, EventListener } from '../events.ts';
import type { Settled, Workers } from '../lanes.ts';
import type { RunOutcome } from '../outcome.ts';
import type { PushRegistry } from './context.ts';

/** An image of the store, and where it goes. */
export interface ImageToPush {
  /** Its name in the store. */
  readonly source: string;
  /**
   * The name that it gets.
   * @defaultValue `source`
   */
  readonly destination?: string | undefined;
  /**
   * What is pushed.
   * @defaultValue what `source` leads to in the store when the push begins
   */
  readonly descriptor?: Descriptor | undefined;
}

/** What earlier runs found out about registries that failed above some width. */
export interface CeilingMemory {
  recall(registry: string): RememberedCeiling | undefined;
  remember(
    ceilings: readonly (readonly [registry: string, ceiling: RememberedCeiling])[],
  ): Promise<void>;
}

export interface PusherOptions {
  readonly store: Store;
  readonly registry: PushRegistry;
  /**
   * Uploads to one registry at once; `auto` starts with 2, goes on while that pays, and stays below
   * where the registry has frozen, refused or slowed down. Small requests have a class of their own.
   */
  readonly pushers: Workers;
  /** Bound of `auto`, for each registry. @defaultValue 16 */
  readonly maxPushers?: number | undefined;
  readonly memory?: CeilingMemory | undefined;
  /** Where `auto` starts at a registry, as `tune push` has found. @defaultValue 2 */
  readonly startAt?: ((registry: string) => number | undefined) | undefined;
  /** Upload in chunks of this length, for proxies that limit bodies. @defaultValue whole blobs */
  readonly chunkBytes?: number | undefined;
  readonly onEvent?: EventListener | undefined;
  /** Aborted: begin no upload; what moves may go on for `drainTimeoutMs`. */
  readonly drain?: AbortSignal | undefined;
  /** @defaultValue 15,000 */
  readonly drainTimeoutMs?: number | undefined;
  /** Aborted: stop at once. */
  readonly signal?: AbortSignal | undefined;
  /** Clock in milliseconds since the epoch. @defaultValue one that never jumps */
  readonly now?: (() => number) | undefined;
  /** From 0 to 1, for the jitter of pauses. @defaultValue Math.random */
  readonly random?: (() => number) | undefined;
}

export interface PushOptions extends PusherOptions {
  /** Stop everything at the first image that fails. @defaultValue false */
  readonly failFast?: boolean | undefined;
  /** `all-or-none` moves no tag before every image is up. @defaultValue `each` */
  readonly publish?: 'each' | 'all-or-none' | undefined;
}

/** What became of one image. */
export interface PushedImage {
  /** As it was given. */
  readonly source: string;
  readonly state: 'pushed' | 'unchanged' | 'failed' | 'cancelled';
  /** The whole name at the registry; missing where what was given is none. */
  readonly destination?: string;
  readonly digest?: Digest;
  readonly error?: ErrorSummary;
  readonly milliseconds: number;
}

export interface PushResult {
  readonly outcome: RunOutcome;
  /** In the order of the input, one each. */
  readonly images: readonly PushedImage[];
  /** Bytes of blobs that went over the network, what was sent twice counted twice. */
  readonly sentBytes: number;
  readonly milliseconds: number;
  /** For each registry: how wide the run settled, and why. */
  readonly settled: readonly Settled[];
}
