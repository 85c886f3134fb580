import type { QueueReply, QueueRequest } from './queueLink.ts';
import type { AnyInitialiser, AnyTask, TaskPort } from './taskRunner.ts';

/** What a worker tells its pool. */
export interface WorkerEvents extends TaskPort {
  queue(request: QueueRequest): void;
  /**
   * It is gone, and nothing more comes from it. Said exactly once, whoever ended it.
   * @param how - completes "the worker ...": `was killed by SIGKILL`
   */
  gone(how: string, cause: unknown): void;
}

/** A worker as its pool sees it, whatever it runs in. */
export interface WorkerHandle {
  start(worker: number, initialiser: AnyInitialiser | undefined): void;
  /** @throws whatever the clone throws when `input` cannot be sent */
  run(id: number, task: AnyTask, input: unknown): void;
  abort(id: number, reason: unknown): void;
  /** @throws whatever the clone throws when the item cannot be sent */
  reply(reply: QueueReply): void;
  /** Asks it to leave once nothing keeps it; for a worker without a task. */
  stop(): void;
  /** Ends it now, in the middle of whatever it does. */
  kill(): void;
  /** Whether it keeps this process alive. */
  keepAlive(keep: boolean): void;
}

export interface SpawnOptions {
  readonly maxHeapMiB: number | undefined;
}

/** Starts a worker of one sort. Throws nothing: what fails is told by `gone`. */
export type SpawnWorker = (events: WorkerEvents, options: SpawnOptions) => WorkerHandle;
