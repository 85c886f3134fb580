import type { Descriptor, Digest, Platform } from '../image/index.ts';
import type { Registry } from '../registry/index.ts';
import type { Store } from '../store/index.ts';
import type { ErrorSummary, EventListener, PlanSummary } from './events.ts';
import type { HostMemory } from './hostMemory.ts';
import type { Settled, Workers } from './lanes.ts';
import type { RunOutcome } from './outcome.ts';
import { PullRun } from './pullRun.ts';
import type { RateLimit } from './rateLimit.ts';
import type { ResolvedImage } from './resolve.ts';
import type { ImageSink } from './sinks/sink.ts';

export interface PullOptions {
  readonly store: Store;
  readonly registry: Registry;
  /** Which image of an index to take; `all` takes the index with everything below it. */
  readonly platform: Platform | 'all';
  /**
   * Connections that carry bodies at once; `auto` finds out, for each server of bytes, how many pay.
   * Small requests (configs, manifests) have a class of their own.
   */
  readonly workers: Workers;
  /** Bound of `auto`, over all servers. @defaultValue 64 */
  readonly maxConnections?: number;
  /** What earlier runs found out about servers; `auto` starts from it. */
  readonly memory?: HostMemory | undefined;
  /** A cap on bytes per second over all connections, which may be changed while the pull runs. */
  readonly rateLimit?: RateLimit | undefined;
  /** One request at a time, whole layers: the base case that parallel pulls are measured against. @defaultValue false */
  readonly serial?: boolean;
  /** Stop everything at the first image that fails. @defaultValue false */
  readonly failFast?: boolean;
  /** Resolve and plan, and move nothing. @defaultValue false */
  readonly dryRun?: boolean;
  /** Where images go beyond the store. */
  readonly sinks?: readonly ImageSink[];
  /** Called once all is resolved and planned, and waited for before anything moves. */
  readonly onPlan?: (images: readonly ResolvedImage[], plan: PlanSummary) => Promise<void>;
  readonly onEvent?: EventListener;
  /**
   * Aborted: start no new blob; what moves may go on for `drainTimeoutMs`. What is then unfinished
   * is kept for the next run.
   */
  readonly drain?: AbortSignal | undefined;
  /** @defaultValue 10,000 */
  readonly drainTimeoutMs?: number;
  /**
   * A connection without a byte for this long is cut and its range asked for anew, when others have
   * moved in the meantime. @defaultValue 8,000
   */
  readonly silentMs?: number;
  /** Aborted: stop at once. What has come is kept for the next run. */
  readonly signal?: AbortSignal | undefined;
  /** Clock in milliseconds since the epoch. @defaultValue one that never jumps */
  readonly now?: () => number;
  /** From 0 to 1, for the jitter of pauses. @defaultValue Math.random */
  readonly random?: () => number;
}

/** What became of one line of the input. */
export interface PulledImage {
  /** As it was given. */
  readonly input: string;
  readonly state: 'done' | 'failed' | 'cancelled' | 'planned';
  /** The whole name; missing where the input is no reference. */
  readonly reference?: string;
  readonly digest?: Digest;
  readonly platform?: string;
  readonly layers?: number;
  /** Of config and layers, before sharing. */
  readonly bytes?: number;
  readonly error?: ErrorSummary;
  /** From the start of the run until the image was whole, or had failed. */
  readonly milliseconds: number;
}

export interface PullResult {
  readonly outcome: RunOutcome;
  /** In the order of the input, one each. */
  readonly images: readonly PulledImage[];
  /**
   * For each of `images`: what its name led to in this run, whatever another process makes of the
   * name in the store.
   */
  readonly found: readonly (Descriptor | undefined)[];
  readonly plan?: PlanSummary;
  /** Bytes of blobs that came over the network in this run. */
  readonly fetchedBytes: number;
  readonly milliseconds: number;
  /** For each server of bytes: how wide the run settled, and what bounded it. */
  readonly settled: readonly Settled[];
}

/**
 * Pulls images into the store: every reference once, every unique blob once, verified, resumable. An
 * image that fails takes no other with it, and is told in the result, not thrown.
 *
 * @throws LongshoreError before any blob moves: `ERR_DISK_TOO_SMALL`, `ERR_BAD_WIDTH`
 */
export async function pull(inputs: readonly string[], options: PullOptions): Promise<PullResult> {
  return new PullRun(inputs, options).run();
}
