import { createInlineSpawn } from './inlineWorker.ts';
import { Job, type JobOptions } from './job.ts';
import { type Enqueue, mapTasks } from './mapTasks.ts';
import { checkTimeout, poolBroken, poolClosed, poolTerminated } from './poolErrors.ts';
import type { MapOptions, Pool, PoolKind, PoolOptions, SubmitOptions } from './poolTypes.ts';
import { spawnProcess } from './processWorker.ts';
import type { Queue } from './queue.ts';
import { unclonable } from './queueLink.ts';
import { type QueueHandle, SharedQueues } from './sharedQueues.ts';
import { describeTask, type Task } from './task.ts';
import type { AnyInitialiser } from './taskRunner.ts';
import { spawnThread } from './threadWorker.ts';
import { checkWidth } from './width.ts';
import type { SpawnWorker } from './workerHandle.ts';
import { type SlotOwner, WorkerSlot } from './workerSlot.ts';

/** A Ctrl-C can catch a process before it has learnt to ignore it; the third time it is not that. */
const START_ATTEMPTS = 3;

/**
 * Creates a pool. Nothing is started before the first task.
 * @throws LongshoreError `ERR_BAD_WIDTH` (also for `maxHeapMiB`) or `ERR_BAD_TIMEOUT`
 */
export function createPool<D>(options: PoolOptions<D>): Pool {
  return new WorkerPool(options, options.initialiser);
}

function spawnerFor(kind: PoolKind): SpawnWorker {
  switch (kind) {
    case 'inline':
      return createInlineSpawn();
    case 'threads':
      return spawnThread;
    case 'processes':
      return spawnProcess;
  }
}

interface Queued {
  readonly job: Job;
  readonly cancel: (reason: unknown) => void;
}

function rejected(reason: unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    reject(reason);
  });
}

class WorkerPool implements Pool {
  readonly kind: PoolKind;
  readonly name: string;
  readonly width: number;
  readonly #timeoutMs: number | undefined;
  readonly #maxHeapMiB: number | undefined;
  readonly #initialiser: AnyInitialiser | undefined;
  readonly #spawn: SpawnWorker;
  readonly #queues: SharedQueues;
  readonly #slots = new Map<number, WorkerSlot>();
  readonly #free = new Set<WorkerSlot>();
  readonly #waiting = new Set<Job>();
  readonly #ended = Promise.withResolvers<void>();
  #jobs = 0;
  #runtimeMs: number | undefined;
  /** Why no task can run any more. */
  #failure: (() => Error) | undefined;
  #closing = false;
  #maps = 0;

  constructor(options: Omit<PoolOptions, 'initialiser'>, initialiser: AnyInitialiser | undefined) {
    this.kind = options.kind;
    this.name = options.name ?? 'pool';
    this.width = checkWidth(options.width, `width of ${this.name}`);
    this.#timeoutMs = checkTimeout(options.timeoutMs);
    this.#maxHeapMiB =
      options.maxHeapMiB && checkWidth(options.maxHeapMiB, `maxHeapMiB of ${this.name}`);
    this.#initialiser = initialiser;
    this.#spawn = spawnerFor(options.kind);
    this.#queues = new SharedQueues(options.kind === 'inline');
  }

  get active(): number {
    let active = 0;
    for (const slot of this.#slots.values()) if (slot.job !== undefined) active += 1;
    return active;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  get runtimeMs(): number | undefined {
    return this.#runtimeMs;
  }

  submit<I, R>(task: Task<I, R>, input: I, options: SubmitOptions = {}): Promise<R> {
    const { signal } = options;
    let queued: Queued;
    try {
      signal?.throwIfAborted();
      this.#refuseIfClosed();
      queued = this.#enqueue(task, input, {
        timeoutMs: checkTimeout(options.timeoutMs),
        onProgress: options.onProgress,
      });
    } catch (error) {
      return rejected(error);
    }
    const { job, cancel } = queued;
    if (signal !== undefined && !job.settled) {
      const onAbort = (): void => cancel(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      job.onSettled = () => signal.removeEventListener('abort', onAbort);
    }
    // What comes back is what the task's type says it returns.
    return job.promise as Promise<R>;
  }

  async map<I, R>(task: Task<I, R>, inputs: Iterable<I>, options?: MapOptions): Promise<R[]> {
    const settled = await this.#map(task, inputs, { ...options, stopAtFailure: true });
    return settled.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value as R;
    });
  }

  async mapSettled<I, R>(
    task: Task<I, R>,
    inputs: Iterable<I>,
    options?: MapOptions,
  ): Promise<PromiseSettledResult<R>[]> {
    const settled = await this.#map(task, inputs, { ...options, stopAtFailure: false });
    return settled as PromiseSettledResult<R>[];
  }

  share<T>(queue: Queue<T>): QueueHandle<T> {
    this.#refuseIfClosed();
    return this.#queues.share(queue);
  }

  close(): Promise<void> {
    this.#closing = true;
    this.#windDown();
    return this.#ended.promise;
  }

  terminate(): Promise<void> {
    this.#failure = () => poolTerminated(this.name);
    this.#closing = true;
    for (const job of this.#waiting) job.rejectQuietly(poolTerminated(this.name));
    this.#waiting.clear();
    for (const slot of this.#slots.values()) {
      slot.job?.rejectQuietly(poolTerminated(this.name));
      slot.kill();
    }
    this.#windDown();
    return this.#ended.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #map<I, R>(
    task: Task<I, R>,
    inputs: Iterable<I>,
    options: MapOptions & { readonly stopAtFailure: boolean },
  ): Promise<PromiseSettledResult<unknown>[]> {
    this.#refuseIfClosed();
    const timeoutMs = checkTimeout(options.timeoutMs);
    const started = performance.now();
    this.#maps += 1;
    const enqueue: Enqueue<I> = (input, watch) =>
      this.#enqueue(task, input, { timeoutMs, ...watch });
    try {
      return await mapTasks(enqueue, inputs, { ...options, width: this.width });
    } finally {
      this.#runtimeMs = performance.now() - started;
      this.#maps -= 1;
      this.#windDown();
    }
  }

  #enqueue<I, R>(task: Task<I, R>, input: I, options: JobOptions): Queued {
    if (this.#failure !== undefined) throw this.#failure();
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    this.#jobs += 1;
    const job = new Job(this.#jobs, task, { input, options: { ...options, timeoutMs } });
    if (typeof task === 'function' && this.kind !== 'inline') {
      job.reject(unclonable(`the function ${describeTask(task)}`, undefined));
    } else {
      this.#waiting.add(job);
      this.#dispatch();
    }
    return { job, cancel: (reason: unknown) => this.#cancel(job, reason) };
  }

  #cancel(job: Job, reason: unknown): void {
    if (job.settled) return;
    job.reject(reason);
    if (this.#waiting.delete(job)) {
      this.#windDown();
      return;
    }
    for (const slot of this.#slots.values()) slot.abort(job, reason);
  }

  #refuseIfClosed(): void {
    if (this.#failure !== undefined) throw this.#failure();
    if (this.#closing) throw poolClosed(this.name);
  }

  #dispatch(): void {
    for (const slot of this.#free) {
      const job = this.#nextJob();
      if (job === undefined) break;
      this.#free.delete(slot);
      this.#employ(slot, job);
    }
    let starting = 0;
    for (const slot of this.#slots.values()) if (!slot.started) starting += 1;
    while (this.#slots.size < this.width && starting < this.#waiting.size) {
      this.#start(this.#lowestFreeNumber(), 1);
      starting += 1;
    }
  }

  #nextJob(): Job | undefined {
    for (const job of this.#waiting) {
      this.#waiting.delete(job);
      return job;
    }
    return undefined;
  }

  /** Gives a free worker its next task, or rest. */
  #employ(slot: WorkerSlot, first: Job | undefined): void {
    for (let job = first; job !== undefined; job = this.#nextJob()) {
      try {
        slot.run(job);
        return;
      } catch (error) {
        job.reject(unclonable(`the input of ${describeTask(job.task)}`, error));
      }
    }
    this.#free.add(slot);
    slot.rest();
    this.#windDown();
  }

  #lowestFreeNumber(): number {
    let number = 1;
    while (this.#slots.has(number)) number += 1;
    return number;
  }

  #start(number: number, attempt: number): void {
    const owner: SlotOwner = {
      findQueue: (id) => this.#queues.find(id),
      free: (slot) => this.#employ(slot, this.#nextJob()),
      broken: (slot, thrown) => {
        this.#break('its initialiser failed', thrown);
        slot.kill();
      },
      gone: (slot, how, cause) => this.#gone(slot, how, cause),
    };
    try {
      const slot = new WorkerSlot(owner, {
        number,
        attempt,
        spawn: this.#spawn,
        spawnOptions: { maxHeapMiB: this.#maxHeapMiB },
        initialiser: this.#initialiser,
      });
      this.#slots.set(number, slot);
    } catch (error) {
      this.#break('a worker could not be started', error);
    }
  }

  #gone(slot: WorkerSlot, how: string, cause: unknown): void {
    this.#slots.delete(slot.number);
    this.#free.delete(slot);
    if (!slot.started && this.#waiting.size > 0) {
      if (slot.attempt >= START_ATTEMPTS) {
        this.#break(`a worker ${how} before it was ready, ${slot.attempt} times`, cause);
      } else {
        this.#start(slot.number, slot.attempt + 1);
      }
    }
    this.#dispatch();
    this.#windDown();
  }

  #break(why: string, cause: unknown): void {
    const error = (): Error => poolBroken(this.name, why, cause);
    this.#failure ??= error;
    for (const job of this.#waiting) job.reject(error());
    this.#waiting.clear();
  }

  /** While closing: lets workers go once no task waits or can still come, ends when none is left. */
  #windDown(): void {
    if (!this.#closing || this.#waiting.size > 0) return;
    if (this.#maps > 0 && this.#failure === undefined) return;
    for (const slot of this.#free) slot.leave();
    this.#free.clear();
    for (const slot of this.#slots.values()) if (!slot.started) slot.kill();
    if (this.#slots.size > 0) return;
    this.#queues.forgetAll();
    this.#ended.resolve();
  }
}
