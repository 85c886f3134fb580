import { randomUUID } from 'node:crypto';
import type { Queue } from './queue.ts';
import { type QueueClient, unknownQueue } from './queueLink.ts';

/**
 * A shared queue as plain data: it goes into a task's input, into a message, into JSON. `carries`
 * exists for the types only.
 */
export interface QueueHandle<T> {
  readonly longshoreQueue: string;
  readonly carries?: (item: T) => T;
}

// A handle names its queue by an id nobody can guess or confuse; which queue that is depends on
// where it is opened: here for inline workers, over the worker's channel elsewhere.
const here = new Map<string, Queue<unknown>>();
let channel: QueueClient | undefined;

/**
 * Opens a shared queue, in the worker whose task was given the handle.
 * @throws LongshoreError `ERR_QUEUE_UNKNOWN` for a handle that is good somewhere else; the far end
 * answers the first use of a handle whose pool has ended the same way
 */
export function openQueue<T>(handle: QueueHandle<T>): Queue<T> {
  const id = handle.longshoreQueue;
  const queue = here.get(id) ?? channel?.open(id);
  if (queue === undefined) throw unknownQueue(id);
  // Only who shares a queue makes handles of it, with its type.
  return queue as Queue<T>;
}

/** Says, in a worker, how its pool's queues are reached. */
export function openQueuesThrough(client: QueueClient): void {
  channel = client;
}

/** The queues that one pool has shared. */
export class SharedQueues {
  readonly #queues = new Map<string, Queue<unknown>>();
  readonly #inThisThread: boolean;

  constructor(inThisThread: boolean) {
    this.#inThisThread = inThisThread;
  }

  share<T>(queue: Queue<T>): QueueHandle<T> {
    const id = randomUUID();
    const shared = queue as Queue<unknown>;
    this.#queues.set(id, shared);
    if (this.#inThisThread) here.set(id, shared);
    return { longshoreQueue: id };
  }

  find(id: string): Queue<unknown> | undefined {
    return this.#queues.get(id);
  }

  forgetAll(): void {
    for (const id of this.#queues.keys()) here.delete(id);
    this.#queues.clear();
  }
}
