import { LongshoreError } from '../errors.ts';
import { Deque } from './deque.ts';
import type { Delivery, LocalQueue, QueueOptions, WaitOptions } from './queue.ts';
import { iterateQueue, queueAborted, queueClosed } from './queueIteration.ts';
import { Waiters } from './waiters.ts';
import { checkWidth } from './width.ts';

interface Returned<T> {
  readonly item: T;
  readonly size: number;
  readonly deliveries: number;
}

/**
 * Creates a queue in this thread. To reach it from a worker, `pool.share(queue)` gives a handle.
 * @throws LongshoreError `ERR_BAD_WIDTH` for a capacity, `maxBytes` or `maxDeliveries` that is not
 * a whole number from 1 up; `ERR_BAD_SIZE` for `maxBytes` without `sizeOf`
 */
export function createQueue<T>(options: QueueOptions<T> = {}): LocalQueue<T> {
  return new BoundedQueue(options);
}

class BoundedQueue<T> implements LocalQueue<T> {
  readonly name: string;
  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #maxDeliveries: number;
  readonly #sizeOf: ((item: T) => number) | undefined;
  // Items and their sizes in two rings: an object an item would triple what a queue weighs.
  readonly #items = new Deque<T>();
  readonly #sizes = new Deque<number>();
  readonly #returned = new Deque<Returned<T>>();
  readonly #putters = new Waiters<void, { readonly item: T; readonly size: number }>(() => {
    // A large message that gave up may have kept smaller ones behind it out.
    this.#admit();
    this.#settle();
  });
  readonly #getters = new Waiters<Delivery<T>, undefined>();
  readonly #drainWaiters: (() => void)[] = [];
  readonly #deadLetters: T[] = [];
  #bytes = 0;
  #unacknowledged = 0;
  #closed = false;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(options: QueueOptions<T>) {
    this.name = options.name ?? 'queue';
    this.#capacity = checkBound(options.capacity, `capacity of ${this.name}`);
    this.#maxBytes = checkBound(options.maxBytes, `maxBytes of ${this.name}`);
    this.#maxDeliveries = checkBound(options.maxDeliveries, `maxDeliveries of ${this.name}`);
    this.#sizeOf = options.sizeOf;
    if (options.maxBytes !== undefined && options.sizeOf === undefined) {
      throw new LongshoreError(`${this.name} is bounded by bytes but has no sizeOf`, {
        code: 'ERR_BAD_SIZE',
        hint: 'Pass sizeOf: (item) => bytes',
        origin: 'input',
      });
    }
  }

  get size(): number {
    return this.#items.size + this.#returned.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  get waitingPuts(): number {
    return this.#putters.size;
  }

  get waitingGets(): number {
    return this.#getters.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get deadLetters(): readonly T[] {
    return this.#deadLetters;
  }

  async put(item: T, options: WaitOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const size = this.#check(item);
    if (!this.#offer(item, size)) await this.#putters.wait({ item, size }, options.signal);
  }

  tryPut(item: T): boolean {
    return this.#offer(item, this.#check(item));
  }

  async get(options: WaitOptions = {}): Promise<T> {
    options.signal?.throwIfAborted();
    const delivery = this.#next() ?? (await this.#wait(options.signal));
    delivery.ack();
    return delivery.item;
  }

  tryGet(): { readonly item: T } | undefined {
    const delivery = this.#next();
    delivery?.ack();
    return delivery && { item: delivery.item };
  }

  async take(options: WaitOptions = {}): Promise<Delivery<T>> {
    options.signal?.throwIfAborted();
    return this.#next() ?? this.#wait(options.signal);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#putters.rejectAll(queueClosed(this.name));
    this.#settle();
  }

  abort(reason: unknown = queueAborted(this.name)): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#closed = true;
    this.#items.clear();
    this.#sizes.clear();
    this.#returned.clear();
    this.#bytes = 0;
    this.#putters.rejectAll(reason);
    this.#getters.rejectAll(reason);
    this.#settle();
  }

  whenDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#settle();
    });
  }

  deliveries(options: WaitOptions = {}): AsyncIterableIterator<Delivery<T>> {
    return iterateQueue(() => this.take(options));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return iterateQueue(() => this.get());
  }

  #wait(signal: AbortSignal | undefined): Promise<Delivery<T>> {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    if (this.#isFinished()) throw queueClosed(this.name);
    return this.#getters.wait(undefined, signal);
  }

  #offer(item: T, size: number): boolean {
    if (this.#putters.size > 0 || !this.#fits(size)) return false;
    this.#append(item, size);
    return true;
  }

  /** @returns the item's bytes, where it may come in at all */
  #check(item: T): number {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    if (this.#closed) throw queueClosed(this.name);
    if (this.#sizeOf === undefined) return 0;
    const size = this.#sizeOf(item);
    if (Number.isFinite(size) && size >= 0) return size;
    throw new LongshoreError(`${this.name}: sizeOf gave ${String(size)} bytes for a message`, {
      code: 'ERR_BAD_SIZE',
      hint: 'sizeOf must return a finite number from 0 up',
      origin: 'input',
    });
  }

  #fits(size: number): boolean {
    if (this.size >= this.#capacity) return false;
    return this.size === 0 || this.#bytes + size <= this.#maxBytes;
  }

  #append(item: T, size: number): void {
    this.#items.push(item);
    if (this.#sizeOf !== undefined) this.#sizes.push(size);
    this.#bytes += size;
    this.#serve();
  }

  #serve(): void {
    while (this.#getters.size > 0) {
      const delivery = this.#next();
      if (delivery === undefined) break;
      this.#getters.resolveFirst(delivery);
    }
  }

  #admit(): void {
    for (;;) {
      const next = this.#putters.first;
      if (next === undefined || !this.#fits(next.size)) return;
      this.#putters.resolveFirst();
      this.#append(next.item, next.size);
    }
  }

  #next(): Delivery<T> | undefined {
    const entry = this.#shift();
    if (entry === undefined) return undefined;
    this.#bytes -= entry.size;
    this.#unacknowledged += 1;
    const delivery = this.#deliver(entry);
    this.#admit();
    return delivery;
  }

  #shift(): Returned<T> | undefined {
    if (this.#returned.size > 0) return this.#returned.shift();
    if (this.#items.size === 0) return undefined;
    // What comes out of a deque that is not empty is a T, also where T includes undefined.
    const item = this.#items.shift() as T;
    return { item, size: this.#sizes.shift() ?? 0, deliveries: 0 };
  }

  #deliver(entry: Returned<T>): Delivery<T> {
    const deliveries = entry.deliveries + 1;
    let settled = false;
    const settle = (back: boolean): void => {
      if (settled) return;
      settled = true;
      this.#unacknowledged -= 1;
      if (back && this.#aborted === undefined) this.#takeBack({ ...entry, deliveries });
      this.#settle();
    };
    return {
      item: entry.item,
      deliveries,
      ack: () => settle(false),
      requeue: () => settle(true),
    };
  }

  #takeBack(entry: Returned<T>): void {
    if (entry.deliveries >= this.#maxDeliveries) {
      this.#deadLetters.push(entry.item);
      return;
    }
    this.#returned.unshift(entry);
    this.#bytes += entry.size;
    this.#serve();
  }

  #isFinished(): boolean {
    return this.#closed && this.size === 0 && this.#unacknowledged === 0;
  }

  #settle(): void {
    if (this.size > 0 || this.#unacknowledged > 0) return;
    if (this.#closed) this.#getters.rejectAll(queueClosed(this.name));
    // Whoever waits to put would be let in first; with none left the queue is drained.
    if (this.#putters.size === 0) for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }
}

function checkBound(value: number | undefined, what: string): number {
  return value === undefined ? Number.POSITIVE_INFINITY : checkWidth(value, what);
}
