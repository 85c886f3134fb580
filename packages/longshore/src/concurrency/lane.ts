import { LongshoreError } from '../errors.ts';
import type { AcquireOptions, Permit } from './permit.ts';
import { goesBefore, type HeapEntry, WaiterHeap } from './waiterHeap.ts';
import { checkWidth } from './width.ts';

interface Waiter extends HeapEntry {
  readonly resolve: (permit: Permit) => void;
  readonly reject: (reason: unknown) => void;
  readonly label: string | undefined;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

/** A width that several lanes share. Lanes ask it in the same step as themselves: never one, then the other. */
export class Total {
  readonly name: string;
  width: number;
  active = 0;
  readonly lanes: Set<Lane> = new Set();

  constructor(name: string, width: number) {
    this.name = name;
    this.width = checkWidth(width, `width of ${name}`);
  }

  /** The best waiter over all lanes that have a free slot themselves goes first. */
  grantAll(): void {
    while (this.active < this.width) {
      let best: Lane | undefined;
      for (const lane of this.lanes) {
        if (lane.head !== undefined && lane.active < lane.width && goesFirst(lane, best)) {
          best = lane;
        }
      }
      if (best === undefined) return;
      best.grantHead();
    }
  }
}

function goesFirst(lane: Lane, best: Lane | undefined): boolean {
  if (best?.head === undefined) return true;
  return lane.head !== undefined && goesBefore(lane.head, best.head);
}

// Over all lanes, so that first come is first served across the keys below one total.
let orders = 0;

/**
 * Slots of one kind at one place. After every step this holds: whoever waits could not be granted
 * now. So a caller that finds a slot free may take it without looking at the waiters.
 */
export class Lane {
  readonly name: string;
  width: number;
  active = 0;
  readonly #waiters = new WaiterHeap<Waiter>();
  readonly #labels = new Set<LanePermit>();
  readonly #total: Total | undefined;
  readonly #changed: () => void;
  #closed = false;

  constructor(name: string, width: number, options: { total?: Total; changed: () => void }) {
    this.name = name;
    this.width = checkWidth(width, `width of ${name}`);
    this.#total = options.total;
    this.#changed = options.changed;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get head(): HeapEntry | undefined {
    return this.#waiters.peek();
  }

  get labels(): string[] {
    return [...this.#labels].map((permit) => permit.label ?? '');
  }

  get waitingReason(): string | undefined {
    if (this.#waiters.size === 0) return undefined;
    const full = this.active >= this.width || this.#total === undefined ? this : this.#total;
    return `${full.active} of ${full.width} ${full.name}`;
  }

  resize(width: number): void {
    this.width = checkWidth(width, `width of ${this.name}`);
    this.#grantWaiting();
    this.#changed();
  }

  tryAcquire(options: AcquireOptions): Permit | undefined {
    if (this.#closed) throw closedError(this.name);
    options.signal?.throwIfAborted();
    return this.#hasSlot() ? this.#take(options.label) : undefined;
  }

  acquire(options: AcquireOptions): Promise<Permit> {
    if (this.#closed) return rejected(closedError(this.name));
    const { signal } = options;
    if (signal?.aborted === true) return rejected(signal.reason);
    if (this.#hasSlot()) return Promise.resolve(this.#take(options.label));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        priority: rank(options.priority),
        turn: rank(options.turn),
        bytes: rank(options.bytes),
        order: (orders += 1),
        place: -1,
        resolve,
        reject,
        label: options.label,
        signal,
        onAbort: undefined,
      };
      if (signal !== undefined) {
        waiter.onAbort = () => this.#abandon(waiter);
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      this.#waiters.push(waiter);
      if (this.#waiters.size === 1) this.#total?.lanes.add(this);
      this.#changed();
    });
  }

  /** Waiters are refused, holders finish. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#total?.lanes.delete(this);
    for (const waiter of this.#waiters.clear()) {
      forget(waiter);
      waiter.reject(closedError(this.name));
    }
    this.#changed();
  }

  /** Only for a lane that has a waiter and a slot. */
  grantHead(): void {
    const waiter = this.#waiters.pop();
    if (waiter === undefined) return;
    if (this.#waiters.size === 0) this.#total?.lanes.delete(this);
    forget(waiter);
    waiter.resolve(this.#take(waiter.label));
  }

  release(permit: LanePermit): void {
    this.active -= 1;
    if (this.#total !== undefined) this.#total.active -= 1;
    if (permit.label !== undefined) this.#labels.delete(permit);
    this.#grantWaiting();
    this.#changed();
  }

  #hasSlot(): boolean {
    if (this.active >= this.width) return false;
    return this.#total === undefined || this.#total.active < this.#total.width;
  }

  #take(label: string | undefined): Permit {
    this.active += 1;
    if (this.#total !== undefined) this.#total.active += 1;
    const permit = new LanePermit(this, label);
    if (label !== undefined) this.#labels.add(permit);
    this.#changed();
    return permit;
  }

  #grantWaiting(): void {
    if (this.#total !== undefined) {
      this.#total.grantAll();
      return;
    }
    while (this.active < this.width && this.#waiters.size > 0) this.grantHead();
  }

  #abandon(waiter: Waiter): void {
    if (!this.#waiters.remove(waiter)) return;
    if (this.#waiters.size === 0) this.#total?.lanes.delete(this);
    waiter.reject(waiter.signal?.reason);
    this.#changed();
  }
}

class LanePermit implements Permit {
  readonly label: string | undefined;
  #lane: Lane | undefined;

  constructor(lane: Lane, label: string | undefined) {
    this.#lane = lane;
    this.label = label;
  }

  get released(): boolean {
    return this.#lane === undefined;
  }

  release(): void {
    const lane = this.#lane;
    if (lane === undefined) return;
    this.#lane = undefined;
    lane.release(this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

// An order of NaN would break the heap for everybody else.
function rank(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? 0 : value;
}

function forget(waiter: Waiter): void {
  if (waiter.onAbort !== undefined) waiter.signal?.removeEventListener('abort', waiter.onAbort);
}

// What an aborted signal carries is passed on as it is, whatever it is.
function rejected(reason: unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    reject(reason);
  });
}

function closedError(name: string): LongshoreError {
  return new LongshoreError(`the limiter of ${name} is closed`, {
    code: 'ERR_LIMITER_CLOSED',
    hint: 'Nothing may be started after close(); create a new limiter',
  });
}
