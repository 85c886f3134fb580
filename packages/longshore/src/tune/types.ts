import type { Digest } from '../image/index.ts';

/** One thing to compare: a number of workers (of a push: pushers), `auto`, or the serial base case. */
export interface Arm {
  /** `4`, `auto`, `serial`; the second of two equal arms is `4 again`. */
  readonly id: string;
  readonly workers: number | 'auto';
  /** One request at a time, whole layers. */
  readonly serial: boolean;
}

/**
 * - `ok`: counts
 * - `warm-up`: the first of all, to fill caches on the way; never counts
 * - `throttled`: the registry refused or slowed requests; its block is repeated
 * - `failed`: the image did not arrive
 * - `cached`: fewer bytes went over the network than the image has
 * - `interrupted`: Ctrl-C or the time budget
 */
export type RunState = 'ok' | 'warm-up' | 'throttled' | 'failed' | 'cached' | 'interrupted';

/**
 * One pull, from the first request to the image being whole in a cold store; or one push, to its tag
 * standing in a repository that did not exist before.
 */
export interface Run {
  /** Place among all runs, from 1. */
  readonly order: number;
  /** From 1; 0 for the warm-up. */
  readonly block: number;
  readonly arm: string;
  readonly seconds: number;
  readonly state: RunState;
  /** Bytes of blobs that went over the network. */
  readonly bytes?: number;
  /** Requests that had to be made again. */
  readonly retries?: number;
  /** Why it does not count. */
  readonly problem?: string;
  /** Processor time of this process over the run, in seconds. */
  readonly cpuSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  /** Where `auto` came to. */
  readonly settledWidth?: number;
  /** When each blob moved: kept for one run of each arm. Seconds from the start of the run. */
  readonly blobs?: readonly BlobSpan[];
  /** Width and goodput over time, kept as `blobs`. */
  readonly samples?: readonly WidthSample[];
  /** Repositories in which something of a push stays, because the registry does not delete. */
  readonly left?: readonly string[];
}

export interface BlobSpan {
  readonly digest: string;
  readonly bytes: number;
  readonly start: number;
  readonly end: number;
}

export interface WidthSample {
  readonly at: number;
  readonly width: number;
  readonly bytesPerSecond: number;
}

/** Where it was measured; what differs between two answers to one question. */
export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly longshore: string;
  /** Of the folder that the cold stores were made in. */
  readonly fileSystem?: string;
  readonly registry: string;
  /** Median time to open a TCP connection. */
  readonly rttMs?: number;
  readonly addressFamily?: 'IPv4' | 'IPv6';
  readonly remoteAddress?: string;
}

export interface TunedImage {
  readonly reference: string;
  readonly digest: Digest;
  readonly layers: readonly { readonly digest: Digest; readonly size: number }[];
}

/**
 * - `blocks`: every arm once in each block, in random order
 * - `as-published`: rising, one run each, as the first author measured
 * - `recorded`: read from a file; nobody knows how the order came about
 */
export type DesignKind = 'blocks' | 'as-published' | 'recorded';

/** Everything that was measured, and how: what `results.json` holds. */
export interface TuneResults {
  readonly format: 'longshore-tune';
  readonly version: 1;
  readonly verb: 'pull' | 'push' | 'recorded';
  readonly design: DesignKind;
  readonly seed: number;
  readonly arms: readonly Arm[];
  readonly runs: readonly Run[];
  /** Blocks that do not count because a run of theirs went wrong. */
  readonly voidBlocks: readonly number[];
  /** Arms that were given up, and why. */
  readonly dropped: readonly { readonly arm: string; readonly why: string }[];
  /** Why measuring ended. */
  readonly stopped?: StopReason;
  readonly images: readonly TunedImage[];
  readonly environment?: Environment;
}

export type StopReason = 'precise' | 'blocks' | 'budget' | 'interrupted' | 'failing';

/** A run that counts. */
export interface Observation {
  readonly order: number;
  readonly block: number;
  readonly arm: string;
  readonly seconds: number;
}
