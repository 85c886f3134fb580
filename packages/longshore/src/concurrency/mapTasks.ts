import type { Job, JobOptions } from './job.ts';
import { notify } from './listener.ts';
import type { MapEvent, MapOptions } from './poolTypes.ts';

export type Enqueue<I> = (
  input: I,
  watch: Pick<JobOptions, 'onStart' | 'onProgress'>,
) => { readonly job: Job; readonly cancel: (reason: unknown) => void };

export interface MapTasksOptions extends MapOptions {
  readonly stopAtFailure: boolean;
  readonly width: number;
}

/**
 * Runs inputs through `enqueue` and keeps the outcomes in their order. Inputs are read as workers
 * come free, two a worker: so a worker never waits for its next task, a long or endless iterable
 * is not held in memory, and little has to be withdrawn when the map stops.
 */
export function mapTasks<I>(
  enqueue: Enqueue<I>,
  inputs: Iterable<I>,
  options: MapTasksOptions,
): Promise<PromiseSettledResult<unknown>[]> {
  return new Promise((resolve, reject) => {
    const { signal, onEvent } = options;
    const iterator = inputs[Symbol.iterator]();
    const outcomes: PromiseSettledResult<unknown>[] = [];
    const running = new Map<number, (reason: unknown) => void>();
    let next = 0;
    let exhausted = false;
    let stopped = false;
    let ended = 0;

    function stop(reason: unknown): void {
      if (stopped) return;
      stopped = true;
      signal?.removeEventListener('abort', onAbort);
      for (const cancel of running.values()) cancel(reason);
      if (!exhausted) iterator.return?.();
      reject(reason);
    }
    function onAbort(): void {
      stop(signal?.reason);
    }
    function record(index: number, outcome: PromiseSettledResult<unknown>, event: MapEvent): void {
      outcomes[index] = outcome;
      running.delete(index);
      notify(onEvent, event);
      if (event.type === 'failed' && options.stopAtFailure) stop(event.error);
      else feed();
    }
    function run(input: I, index: number): void {
      let startedAt = performance.now();
      const since = (): number => performance.now() - startedAt;
      const { job, cancel } = enqueue(input, {
        onStart: (worker) => {
          startedAt = performance.now();
          notify(onEvent, { type: 'started', index, worker });
        },
        onProgress: onEvent && ((data) => notify(onEvent, { type: 'progress', index, data })),
      });
      running.set(index, cancel);
      job.promise.then(
        (value) => {
          if (stopped) return;
          ended += 1;
          const event: MapEvent = { type: 'finished', index, milliseconds: since(), ended };
          record(index, { status: 'fulfilled', value }, event);
        },
        (error: unknown) => {
          if (stopped) return;
          ended += 1;
          const event: MapEvent = { type: 'failed', index, milliseconds: since(), ended, error };
          record(index, { status: 'rejected', reason: error }, event);
        },
      );
    }
    function feed(): void {
      try {
        while (running.size < 2 * options.width) {
          if (stopped || exhausted) break;
          const { done, value } = iterator.next();
          exhausted = done === true;
          if (exhausted) break;
          run(value, next);
          next += 1;
        }
      } catch (error) {
        // The iterable threw, or the pool ended under the map.
        exhausted = true;
        stop(error);
      }
      if (stopped || !exhausted || running.size > 0) return;
      signal?.removeEventListener('abort', onAbort);
      resolve(outcomes);
    }

    if (signal?.aborted === true) {
      stopped = true;
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    feed();
  });
}
