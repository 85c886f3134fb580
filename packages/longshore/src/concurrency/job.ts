import type { AnyTask } from './taskRunner.ts';

export interface JobOptions {
  readonly timeoutMs: number | undefined;
  readonly onStart?: ((worker: number) => void) | undefined;
  readonly onProgress?: ((data: unknown) => void) | undefined;
}

/** One task on its way through a pool. It settles once; what comes later is ignored. */
export class Job {
  readonly id: number;
  readonly task: AnyTask;
  readonly input: unknown;
  readonly options: JobOptions;
  readonly promise: Promise<unknown>;
  settled = false;
  onSettled: (() => void) | undefined;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(id: number, task: AnyTask, work: { input: unknown; options: JobOptions }) {
    this.id = id;
    this.task = task;
    this.input = work.input;
    this.options = work.options;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(value: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.onSettled?.();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.onSettled?.();
    this.#reject(reason);
  }

  /** For a rejection its caller asked for: it must not count as unhandled where nobody awaits it. */
  rejectQuietly(reason: unknown): void {
    this.promise.catch(() => {});
    this.reject(reason);
  }
}
