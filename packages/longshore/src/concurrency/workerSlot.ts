import type { Job } from './job.ts';
import { notify } from './listener.ts';
import { taskTimedOut, workerDied } from './poolErrors.ts';
import type { Queue } from './queue.ts';
import { type QueueReply, QueueServer } from './queueLink.ts';
import { describeTask } from './task.ts';
import type { AnyInitialiser } from './taskRunner.ts';
import type { SpawnOptions, SpawnWorker, WorkerEvents, WorkerHandle } from './workerHandle.ts';

/** A worker that leaves by itself gets this long to write out what it has printed. */
const LEAVE_MS = 2000;

/** What a slot asks of and tells its pool. */
export interface SlotOwner {
  findQueue(id: string): Queue<unknown> | undefined;
  /** It can take a task. */
  free(slot: WorkerSlot): void;
  /** Its initialiser threw. */
  broken(slot: WorkerSlot, thrown: unknown): void;
  gone(slot: WorkerSlot, how: string, cause: unknown): void;
}

export interface SlotOptions {
  readonly number: number;
  /** Which try this is to start a worker here, from 1. */
  readonly attempt: number;
  readonly spawn: SpawnWorker;
  readonly spawnOptions: SpawnOptions;
  readonly initialiser: AnyInitialiser | undefined;
}

/** One place for a worker in a pool: at most one task at a time, and a queue server for it. */
export class WorkerSlot {
  readonly number: number;
  readonly attempt: number;
  /** It came up; before, its death is a failed start. */
  started = false;
  job: Job | undefined;
  readonly #owner: SlotOwner;
  readonly #handle: WorkerHandle;
  readonly #queues: QueueServer;
  #timer: NodeJS.Timeout | undefined;
  #keptAlive = true;
  #ending = false;

  constructor(owner: SlotOwner, options: SlotOptions) {
    this.#owner = owner;
    this.number = options.number;
    this.attempt = options.attempt;
    this.#handle = options.spawn(this.#events(), options.spawnOptions);
    this.#queues = new QueueServer(
      (id) => owner.findQueue(id),
      (reply: QueueReply) => this.#handle.reply(reply),
    );
    this.#handle.start(options.number, options.initialiser);
  }

  /** @throws whatever the clone throws when the input cannot be sent; the slot stays free */
  run(job: Job): void {
    this.#keepAlive(true);
    this.#handle.run(job.id, job.task, job.input);
    this.job = job;
    const { timeoutMs } = job.options;
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        job.reject(taskTimedOut(describeTask(job.task), timeoutMs));
        this.kill();
      }, timeoutMs);
    }
    notify(job.options.onStart, this.number);
  }

  abort(job: Job, reason: unknown): void {
    if (this.job === job) this.#handle.abort(job.id, reason);
  }

  /** A worker without work must not keep the program from ending. */
  rest(): void {
    this.#keepAlive(false);
  }

  leave(): void {
    this.#ending = true;
    this.#keepAlive(true);
    this.#timer = setTimeout(() => this.kill(), LEAVE_MS);
    this.#handle.stop();
  }

  kill(): void {
    this.#ending = true;
    this.#keepAlive(true);
    this.#handle.kill();
  }

  #keepAlive(keep: boolean): void {
    if (this.#keptAlive === keep) return;
    this.#keptAlive = keep;
    this.#handle.keepAlive(keep);
  }

  #events(): WorkerEvents {
    return {
      ready: () => {
        this.started = true;
        this.#freed();
      },
      broken: (thrown) => this.#owner.broken(this, thrown),
      result: (id, value) => this.#end(id, (job) => job.resolve(value)),
      failed: (id, thrown) => this.#end(id, (job) => job.reject(thrown)),
      progress: (id, data) => {
        const { job } = this;
        if (job?.id === id && !job.settled) notify(job.options.onProgress, data);
      },
      queue: (request) => this.#queues.handle(request),
      gone: (how, cause) => {
        clearTimeout(this.#timer);
        this.#queues.workerGone();
        this.job?.reject(workerDied(describeTask(this.job.task), how, cause));
        this.job = undefined;
        this.#owner.gone(this, how, cause);
      },
    };
  }

  #end(id: number, settle: (job: Job) => void): void {
    const { job } = this;
    if (job?.id !== id) return;
    clearTimeout(this.#timer);
    this.job = undefined;
    settle(job);
    this.#freed();
  }

  /** An answer can cross the kill on its way; the next task must not die of it. */
  #freed(): void {
    if (!this.#ending) this.#owner.free(this);
  }
}
