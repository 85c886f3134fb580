import type { Queue } from './queue.ts';
import type { QueueHandle } from './sharedQueues.ts';
import type { Task } from './task.ts';

/**
 * Where tasks run. `inline`: async functions in this thread, for work that waits. `threads`: for
 * work that computes. `processes`: for work that may run out of memory, exit or be killed.
 */
export type PoolKind = 'inline' | 'threads' | 'processes';

export interface PoolOptions<D = unknown> {
  readonly kind: PoolKind;
  /** How many workers, so how many tasks at once. They are started as tasks ask for them. */
  readonly width: number;
  /** For error messages. @defaultValue 'pool' */
  readonly name?: string;
  /**
   * Runs once in each worker before its first task (once in all where `kind` is `inline`). If it
   * throws, the pool is broken: every task rejects with `ERR_POOL_BROKEN`.
   */
  readonly initialiser?: { readonly task: Task<D, unknown>; readonly input: D };
  /**
   * Milliseconds a task may run. Past them it rejects with `ERR_TASK_TIMEOUT` and its worker is
   * killed and replaced (inline: its signal is aborted and it is let go of).
   * @defaultValue no bound
   */
  readonly timeoutMs?: number;
  /**
   * MiB of JavaScript heap for each thread or process; a task that needs more rejects with
   * `ERR_WORKER_DIED`. Does nothing inline. @defaultValue V8's own bound
   */
  readonly maxHeapMiB?: number;
}

export interface SubmitOptions {
  /** Instead of the pool's `timeoutMs`. */
  readonly timeoutMs?: number;
  /**
   * Rejects the task with the signal's reason. One that has not started never does; a running one
   * is told by its own signal and keeps its worker until it returns.
   */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (data: unknown) => void;
}

/** What goes on in a `map`. `index` is the input's place, from 0. */
export type MapEvent =
  | { readonly type: 'started'; readonly index: number; readonly worker: number }
  | { readonly type: 'progress'; readonly index: number; readonly data: unknown }
  | {
      readonly type: 'finished';
      readonly index: number;
      readonly milliseconds: number;
      /** Inputs that ended so far, this one included. */
      readonly ended: number;
    }
  | {
      readonly type: 'failed';
      readonly index: number;
      readonly milliseconds: number;
      readonly ended: number;
      readonly error: unknown;
    };

export interface MapOptions {
  /** Instead of the pool's `timeoutMs`. */
  readonly timeoutMs?: number;
  /** Rejects the map with the signal's reason; inputs not started yet never are. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: MapEvent) => void;
}

/** M workers. Made by {@link createPool}; `await using` closes it. */
export interface Pool extends AsyncDisposable {
  readonly kind: PoolKind;
  readonly name: string;
  readonly width: number;
  /** Tasks that run now. */
  readonly active: number;
  /** Tasks that wait for a worker. */
  readonly pending: number;
  /** Milliseconds the latest `map` or `mapSettled` that ended took; `undefined` before. */
  readonly runtimeMs: number | undefined;
  /**
   * Runs one task when a worker is free. Rejects with what the task threw, its stack being the
   * worker's; with `ERR_WORKER_DIED` when the worker died under it (it is not run again: it may
   * have done half its work); with `ERR_TASK_TIMEOUT`, `ERR_UNCLONABLE`, `ERR_TASK_NOT_FOUND`,
   * `ERR_POOL_BROKEN`, `ERR_POOL_CLOSED` or `ERR_POOL_TERMINATED`.
   */
  submit<I, R>(task: Task<I, R>, input: I, options?: SubmitOptions): Promise<R>;
  /**
   * Runs a task over many inputs; the results are in the order of the inputs. The first failure
   * rejects it with that error: what has not started never is, what runs has its signal aborted.
   */
  map<I, R>(task: Task<I, R>, inputs: Iterable<I>, options?: MapOptions): Promise<R[]>;
  /** Like {@link Pool.map}, but goes on: an outcome for each input. */
  mapSettled<I, R>(
    task: Task<I, R>,
    inputs: Iterable<I>,
    options?: MapOptions,
  ): Promise<PromiseSettledResult<R>[]>;
  /** A handle by which this pool's tasks reach a queue (`openQueue`), until the pool has ended. */
  share<T>(queue: Queue<T>): QueueHandle<T>;
  /**
   * Takes no more tasks; resolves when those it has are done, a `map` under way to its end, and every
   * worker is gone.
   */
  close(): Promise<void>;
  /**
   * Kills every worker now; all tasks reject with `ERR_POOL_TERMINATED`. Resolves when they are
   * gone. Children of the workers' own are not killed.
   */
  terminate(): Promise<void>;
}
