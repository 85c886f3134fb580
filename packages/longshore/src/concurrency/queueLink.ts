import { LongshoreError } from '../errors.ts';
import { describeError, type ErrorData, rebuildError } from './errorTransfer.ts';
import type { Delivery, Queue, WaitOptions } from './queue.ts';
import { iterateQueue } from './queueIteration.ts';

/** What a worker asks of a queue on the other side. `call` numbers what is answered. */
export type QueueRequest =
  | { readonly type: 'put'; readonly queue: string; readonly call: number; readonly item: unknown }
  | { readonly type: 'take' | 'close'; readonly queue: string; readonly call: number }
  | { readonly type: 'cancel'; readonly call: number }
  | { readonly type: 'ack' | 'requeue'; readonly call: number };

/** What it is told. A delivery is known by the call that took it. */
export type QueueReply =
  | { readonly call: number; readonly type: 'done' }
  | {
      readonly call: number;
      readonly type: 'delivery';
      readonly item: unknown;
      readonly deliveries: number;
    }
  | { readonly call: number; readonly type: 'failed'; readonly error: ErrorData };

/**
 * The holder's end, one a worker. It hands every message out unacknowledged; when the worker is
 * gone, what it had not acknowledged goes back to the front and what it waited for is withdrawn.
 */
export class QueueServer {
  readonly #find: (id: string) => Queue<unknown> | undefined;
  readonly #reply: (reply: QueueReply) => void;
  readonly #waits = new Map<number, AbortController>();
  readonly #out = new Map<number, Delivery<unknown>>();
  #gone = false;

  /** @param reply - throws where the item cannot be cloned */
  constructor(
    find: (id: string) => Queue<unknown> | undefined,
    reply: (reply: QueueReply) => void,
  ) {
    this.#find = find;
    this.#reply = reply;
  }

  handle(request: QueueRequest): void {
    switch (request.type) {
      case 'put':
      case 'take':
      case 'close':
        void this.#answer(request);
        return;
      case 'cancel':
        this.#waits.get(request.call)?.abort();
        return;
      case 'ack':
        this.#settle(request.call)?.ack();
        return;
      case 'requeue':
        this.#settle(request.call)?.requeue();
    }
  }

  workerGone(): void {
    this.#gone = true;
    for (const wait of this.#waits.values()) wait.abort();
    // Latest first, since each goes to the front: the order they had is the order they get again.
    for (const delivery of [...this.#out.values()].toReversed()) delivery.requeue();
    this.#out.clear();
  }

  #settle(call: number): Delivery<unknown> | undefined {
    const delivery = this.#out.get(call);
    this.#out.delete(call);
    return delivery;
  }

  async #answer(request: Exclude<QueueRequest, { type: 'cancel' | 'ack' | 'requeue' }>) {
    const { call } = request;
    const wait = new AbortController();
    this.#waits.set(call, wait);
    try {
      const queue = this.#find(request.queue);
      if (queue === undefined) throw unknownQueue(request.queue);
      if (request.type === 'take') {
        this.#deliver(call, await queue.take({ signal: wait.signal }));
      } else {
        if (request.type === 'put') await queue.put(request.item, { signal: wait.signal });
        else await queue.close();
        this.#send({ type: 'done', call });
      }
    } catch (error) {
      this.#send({ type: 'failed', call, error: describeError(error) });
    } finally {
      this.#waits.delete(call);
    }
  }

  #deliver(call: number, delivery: Delivery<unknown>): void {
    const { item, deliveries } = delivery;
    if (this.#gone) {
      delivery.requeue();
      return;
    }
    this.#out.set(call, delivery);
    try {
      this.#reply({ type: 'delivery', call, item, deliveries });
    } catch (error) {
      this.#settle(call)?.requeue();
      throw unclonable('a message of the queue', error);
    }
  }

  #send(reply: QueueReply): void {
    if (!this.#gone) this.#reply(reply);
  }
}

interface Call {
  readonly resolve: (reply: QueueReply) => void;
  readonly reject: (reason: unknown) => void;
}

/** The worker's end: one a worker, for all queues it opens. */
export class QueueClient {
  readonly #send: (request: QueueRequest) => void;
  readonly #calls = new Map<number, Call>();
  #count = 0;

  /** @param send - throws where the item cannot be cloned */
  constructor(send: (request: QueueRequest) => void) {
    this.#send = send;
  }

  open<T>(id: string): Queue<T> {
    return new RemoteQueue<T>(this, id);
  }

  handle(reply: QueueReply): void {
    const call = this.#calls.get(reply.call);
    this.#calls.delete(reply.call);
    if (reply.type === 'failed') call?.reject(rebuildError(reply.error));
    else call?.resolve(reply);
  }

  /**
   * An abort only asks the holder to stop waiting; its answer decides. Else a put could be in the
   * queue and still have failed here, or a message be handed to somebody who has left.
   */
  call(
    build: (call: number) => QueueRequest,
    signal: AbortSignal | undefined,
  ): Promise<QueueReply> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#count += 1;
      const number = this.#count;
      const onAbort = (): void => this.#send({ type: 'cancel', call: number });
      const forget = (): void => signal?.removeEventListener('abort', onAbort);
      try {
        this.#send(build(number));
      } catch (error) {
        throw unclonable('a message for the queue', error);
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#calls.set(number, {
        resolve: (reply) => {
          forget();
          resolve(reply);
        },
        reject: (reason) => {
          forget();
          reject(signal?.aborted === true ? signal.reason : reason);
        },
      });
    });
  }

  settle(type: 'ack' | 'requeue', call: number): void {
    this.#send({ type, call });
  }
}

class RemoteQueue<T> implements Queue<T> {
  readonly #client: QueueClient;
  readonly #id: string;

  constructor(client: QueueClient, id: string) {
    this.#client = client;
    this.#id = id;
  }

  async put(item: T, options: WaitOptions = {}): Promise<void> {
    const queue = this.#id;
    await this.#client.call((call) => ({ type: 'put', queue, call, item }), options.signal);
  }

  async get(options: WaitOptions = {}): Promise<T> {
    const delivery = await this.take(options);
    delivery.ack();
    return delivery.item;
  }

  async take(options: WaitOptions = {}): Promise<Delivery<T>> {
    const queue = this.#id;
    const reply = await this.#client.call(
      (call) => ({ type: 'take', queue, call }),
      options.signal,
    );
    if (reply.type !== 'delivery') throw new Error(`a take was answered by ${reply.type}`);
    let settled = false;
    const settle = (type: 'ack' | 'requeue'): void => {
      if (settled) return;
      settled = true;
      this.#client.settle(type, reply.call);
    };
    return {
      // The handle's type says what the queue carries; the holder made both.
      item: reply.item as T,
      deliveries: reply.deliveries,
      ack: () => settle('ack'),
      requeue: () => settle('requeue'),
    };
  }

  async close(): Promise<void> {
    const queue = this.#id;
    await this.#client.call((call) => ({ type: 'close', queue, call }), undefined);
  }

  deliveries(options: WaitOptions = {}): AsyncIterableIterator<Delivery<T>> {
    return iterateQueue(() => this.take(options));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return iterateQueue(() => this.get());
  }
}

/** @returns the error of a value that cannot be sent to another thread or process */
export function unclonable(what: string, cause: unknown): LongshoreError {
  return new LongshoreError(`${what} cannot be sent between threads or processes`, {
    code: 'ERR_UNCLONABLE',
    hint: 'Functions, class instances with private state, open files and sockets stay where they are: pass data',
    origin: 'input',
    cause,
  });
}

/** @returns the error of a handle that leads nowhere */
export function unknownQueue(id: string): LongshoreError {
  return new LongshoreError(`there is no queue ${id} here`, {
    code: 'ERR_QUEUE_UNKNOWN',
    hint: 'A handle is good in the workers of the pool that shared it, until that pool ends',
    origin: 'input',
  });
}
