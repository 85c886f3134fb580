/** Ends a wait; the promise rejects with the signal's reason. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * One message in the hands of one consumer. Until it is acknowledged the queue remembers it: a
 * worker that dies before, or that requeues it, makes it the next message of somebody else.
 */
export interface Delivery<T> {
  readonly item: T;
  /** How often it was handed out, this time included: 1 on the first. */
  readonly deliveries: number;
  /** Done with it. Only the first of `ack` and `requeue` counts. */
  ack(): void;
  /** Not done: it goes to the front of the queue. */
  requeue(): void;
}

/**
 * A queue, be it here or, in a worker, the far end of one that another thread or process holds
 * ({@link openQueue}). Iterating takes messages until the queue is closed and empty.
 */
export interface Queue<T> extends AsyncIterable<T> {
  /**
   * Waits while the queue is full, and resolves once the item is in. Rejects with
   * `ERR_QUEUE_CLOSED` after `close`, with `ERR_UNCLONABLE` when the item cannot be sent to where
   * the queue is.
   */
  put(item: T, options?: WaitOptions): Promise<void>;
  /**
   * Waits for a message and acknowledges it as it arrives. Rejects with `ERR_QUEUE_CLOSED` when the
   * queue is closed, empty and no message is out unacknowledged (it could come back).
   */
  get(options?: WaitOptions): Promise<T>;
  /** Like {@link Queue.get}, but it is for the caller to acknowledge: nothing is lost if it dies. */
  take(options?: WaitOptions): Promise<Delivery<T>>;
  /** Iterates over {@link Queue.take}: `for await (const delivery of queue.deliveries())`. */
  deliveries(options?: WaitOptions): AsyncIterableIterator<Delivery<T>>;
  /**
   * No more puts: waiting ones reject with `ERR_QUEUE_CLOSED`. What is in the queue can still be
   * taken. Again does nothing.
   */
  close(): Promise<void>;
}

/** The queue itself, in the thread that made it ({@link createQueue}). */
export interface LocalQueue<T> extends Queue<T> {
  readonly name: string;
  /** Messages that wait; those out unacknowledged are not counted. */
  readonly size: number;
  /** Their bytes by `sizeOf`; 0 without one. */
  readonly bytes: number;
  readonly unacknowledged: number;
  readonly waitingPuts: number;
  readonly waitingGets: number;
  readonly closed: boolean;
  /** Messages handed out `maxDeliveries` times and never acknowledged, oldest first. */
  readonly deadLetters: readonly T[];
  /** Puts if there is room now. @throws LongshoreError `ERR_QUEUE_CLOSED` */
  tryPut(item: T): boolean;
  /** The next message if there is one now, acknowledged; boxed, since `undefined` may be one. */
  tryGet(): { readonly item: T } | undefined;
  /** Drops everything; all who wait, and all who come later, are rejected with `reason`. */
  abort(reason?: unknown): void;
  /** Resolves when the queue is empty and every message acknowledged; at once if it is so now. */
  whenDrained(): Promise<void>;
}

export interface QueueOptions<T> {
  /** For error messages. @defaultValue 'queue' */
  readonly name?: string;
  /** How many messages may wait. @defaultValue no bound */
  readonly capacity?: number;
  /**
   * How many bytes may wait; needs `sizeOf`. A message larger than this goes in alone, else it
   * could never go in. @defaultValue no bound
   */
  readonly maxBytes?: number;
  /** Bytes of one message: a finite number from 0 up, else the put fails with `ERR_BAD_SIZE`. */
  readonly sizeOf?: (item: T) => number;
  /**
   * After how many deliveries without acknowledgement a message becomes a dead letter instead of
   * the next message. @defaultValue no bound
   */
  readonly maxDeliveries?: number;
}
