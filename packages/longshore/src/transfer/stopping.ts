import { onAbort } from '../concurrency/index.ts';

export interface StoppingOptions {
  /** Aborted by the caller: finish what moves. */
  readonly drain: AbortSignal | undefined;
  /** Aborted by the caller: stop at once. */
  readonly signal: AbortSignal | undefined;
  readonly drainTimeoutMs: number;
  readonly onDrain: () => void;
}

/**
 * The two ways in which a run ends early, and how the first turns into the second: draining starts
 * nothing new; when it has taken too long, everything stops.
 */
export class Stopping implements Disposable {
  readonly #stop = new AbortController();
  readonly #watches: Disposable[];
  #timer: NodeJS.Timeout | undefined;
  /** Aborted as soon as nothing new may start. */
  readonly drain: AbortSignal;

  constructor({ drain, signal, drainTimeoutMs, onDrain }: StoppingOptions) {
    this.drain = AbortSignal.any([this.signal, ...(drain === undefined ? [] : [drain])]);
    this.#watches = [
      onAbort(signal, () => this.now(signal?.reason)),
      onAbort(drain, () => {
        if (this.signal.aborted) return;
        onDrain();
        this.#timer = setTimeout(() => this.now(drain?.reason), drainTimeoutMs);
      }),
    ];
  }

  /** Aborted when everything has to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  now(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#stop.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }
}
