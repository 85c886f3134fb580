interface Waiter<R, D> {
  readonly data: D;
  readonly resolve: (value: R) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/** Promises in the order they were asked for, each of which an abort can take out again. */
export class Waiters<R, D> {
  readonly #waiting = new Set<Waiter<R, D>>();
  readonly #left: (() => void) | undefined;

  /** @param left - called after an abort has taken a waiter out */
  constructor(left?: () => void) {
    this.#left = left;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** What the first waiter brought along. */
  get first(): D | undefined {
    return this.#peek()?.data;
  }

  wait(data: D, signal: AbortSignal | undefined): Promise<R> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<R, D> = {
        data,
        resolve,
        reject,
        signal,
        onAbort: () => {
          this.#waiting.delete(waiter);
          reject(signal?.reason);
          this.#left?.();
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', waiter.onAbort, { once: true });
    });
  }

  resolveFirst(value: R): void {
    const waiter = this.#peek();
    if (waiter === undefined) return;
    this.#forget(waiter);
    waiter.resolve(value);
  }

  rejectAll(reason: unknown): void {
    for (const waiter of this.#waiting) {
      this.#forget(waiter);
      waiter.reject(reason);
    }
  }

  #peek(): Waiter<R, D> | undefined {
    for (const waiter of this.#waiting) return waiter;
    return undefined;
  }

  #forget(waiter: Waiter<R, D>): void {
    this.#waiting.delete(waiter);
    waiter.signal?.removeEventListener('abort', waiter.onAbort);
  }
}
