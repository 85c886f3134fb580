import type { Limiter } from './limiter.ts';

/** What a stage's function gets beside the item. */
export interface StageContext {
  /** The item's place among the pipeline's items, from 0. */
  readonly index: number;
  /** Aborted when the pipeline stops or the stage's time for this item is up. */
  readonly signal: AbortSignal;
  /** Tells how far it is, as a `progress` event. */
  report(data: unknown): void;
}

/** Bounds what waits in front of a stage. What does not fit waits in the stage before, and stops it. */
export interface StageQueue<I> {
  /** How many may wait. @defaultValue the stage's width */
  readonly capacity?: number;
  /** How many bytes may wait; needs `sizeOf`. One item alone may be larger. @defaultValue no bound */
  readonly maxBytes?: number;
  readonly sizeOf?: (item: I) => number;
}

interface StageBase<I, O> {
  /** For events, errors and reports. */
  readonly name: string;
  /** Bounds the queue before this stage; the first stage has none, it reads items as it needs them. */
  readonly queue?: StageQueue<I>;
  /**
   * Milliseconds one item may take. Past them it has failed with `ERR_STAGE_TIMEOUT`, its signal is
   * aborted, and its slot is free, whether the function heeds the signal or not.
   * @defaultValue no bound
   */
  readonly timeoutMs?: number;
  readonly run: (item: I, context: StageContext) => O | PromiseLike<O>;
}

/**
 * One stage: at most `width` at once, or as `limiter` says (resizable, and shared where other work
 * counts against the same limit).
 */
export type StageOptions<I, O> = StageBase<I, O> &
  (
    | { readonly width: number; readonly limiter?: undefined }
    | { readonly limiter: Limiter; readonly width?: undefined }
  );

export type PipelineEvent =
  | { readonly type: 'started'; readonly stage: string; readonly index: number }
  | {
      readonly type: 'progress';
      readonly stage: string;
      readonly index: number;
      readonly data: unknown;
    }
  | {
      readonly type: 'finished';
      readonly stage: string;
      readonly index: number;
      readonly milliseconds: number;
    }
  | {
      readonly type: 'failed';
      readonly stage: string;
      readonly index: number;
      readonly milliseconds: number;
      readonly error: unknown;
    }
  /** Finished, but the queue of the next stage is full: this stage starts nothing until it fits. */
  | { readonly type: 'blocked'; readonly stage: string; readonly index: number };

export interface PipelineOptions {
  /** @defaultValue 'keep-going': one failed item takes no other with it */
  readonly onFailure?: 'keep-going' | 'fail-fast';
  /** Stops everything now: what runs is told by its signal, what waits is cancelled. */
  readonly signal?: AbortSignal | undefined;
  /** Takes no more items; those under way go through all stages. */
  readonly drainSignal?: AbortSignal | undefined;
  /**
   * Milliseconds that functions get, once the pipeline has stopped, to heed their signal. Those
   * that have not returned then are left behind, their items cancelled.
   * @defaultValue 10000
   */
  readonly abandonAfterMs?: number;
  readonly onEvent?: (event: PipelineEvent) => void;
}

/** How one item ended; exactly one of these for each item. */
export type PipelineOutcome<I, O> =
  | { readonly status: 'done'; readonly index: number; readonly item: I; readonly value: O }
  | {
      readonly status: 'failed';
      readonly index: number;
      readonly item: I;
      readonly stage: string;
      readonly error: unknown;
    }
  | { readonly status: 'cancelled'; readonly index: number; readonly item: I };

export interface PipelineReport<I, O> {
  /** True when every item is done and all were read. */
  readonly ok: boolean;
  /**
   * In the order of the items. Items of an array that were never started are cancelled; what
   * another iterable never gave is not counted.
   */
  readonly outcomes: readonly PipelineOutcome<I, O>[];
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Why it stopped early: the abort's reason, or what failed first under `fail-fast`. */
  readonly stopped?: { readonly reason: unknown };
  /** What the iterable of items threw; those it gave before were carried on with. */
  readonly sourceError?: { readonly error: unknown };
}

/** A pipeline without a stage yet. */
export interface PipelineStart<I> {
  /** @throws LongshoreError `ERR_BAD_WIDTH`, `ERR_BAD_TIMEOUT`, `ERR_BAD_SIZE` */
  stage<O>(options: StageOptions<I, O>): Pipeline<I, O>;
}

export interface Pipeline<I, T> {
  /** Adds a stage behind the last. @throws as the first did */
  stage<O>(options: StageOptions<T, O>): Pipeline<I, O>;
  /**
   * Runs all items through all stages. Never rejects: what went wrong is in the report. Reads
   * `items` anew each time it is called.
   */
  run(): Promise<PipelineReport<I, T>>;
}
