import { RegistryError } from './errors.ts';
import type { HttpRequest, ResponseBody } from './http.ts';
import { networkError } from './networkError.ts';
import { describeRequest } from './redact.ts';
import type { Watch, Watchdog } from './watchdog.ts';

/** What a pump needs of the connection below it. */
export interface PumpSource {
  /** Reads on, after `push` has returned false. */
  resume(): void;
  /** Gives the connection up. */
  destroy(): void;
  /** The last chunk was taken, and the body was complete or broken off from the other side. */
  finished?(): void;
}

export interface PumpOptions {
  readonly source: PumpSource;
  readonly watchdog: Watchdog;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** For errors. */
  readonly request: Pick<HttpRequest, 'method' | 'url'>;
}

type Consumer = (chunk: Uint8Array) => undefined | Promise<void>;

/**
 * The half of a body that both transports share: chunks go to the consumer at once while it keeps
 * up, and wait here, with the source asked to pause, while it does not.
 */
export class BodyPump implements ResponseBody {
  readonly #options: PumpOptions;
  readonly #watch: Watch;
  readonly #settled = Promise.withResolvers<void>();
  readonly #waiting: Uint8Array[] = [];
  readonly #onAbort = (): void => this.#stop(this.#options.signal?.reason);
  #consumer: Consumer | undefined;
  #busy = false;
  /** No more chunks will come; `failure` says whether that is an error. */
  #ended = false;
  #failure: unknown;
  #done = false;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#watch = options.watchdog.watch(() => this.#stop(this.#stalled()));
    this.#settled.promise.catch(() => undefined);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /**
   * A chunk has come. False asks the source to pause and to leave the chunk's memory alone until
   * `resume`; what comes in spite of that is kept.
   */
  push(chunk: Uint8Array): boolean {
    if (this.#done) return true;
    if (this.#busy || this.#consumer === undefined || this.#waiting.length > 0) {
      this.#waiting.push(chunk);
      return false;
    }
    return this.#deliver(this.#consumer, chunk);
  }

  /** The body is complete. */
  end(): void {
    this.#ended = true;
    this.#finishIfDrained();
  }

  /** The connection broke. What has come before is still delivered. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#failure = networkError(error, this.#options.request);
    this.end();
  }

  consume(onChunk: Consumer): Promise<void> {
    if (this.#consumer !== undefined) return Promise.reject(new TypeError('consumed already'));
    this.#consumer = onChunk;
    this.#drain();
    return this.#settled.promise;
  }

  cancel(): void {
    this.#stop(
      new RegistryError(`Cancelled: ${describeRequest(this.#options.request)}`, {
        code: 'ERR_CANCELLED',
      }),
    );
  }

  #drain(): void {
    const consumer = this.#consumer;
    if (consumer === undefined || this.#busy || this.#done) return;
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
      if (!this.#deliver(consumer, chunk)) return;
    }
    this.#finishIfDrained();
    if (this.#done || this.#ended) return;
    this.#watch.resume();
    this.#options.source.resume();
  }

  #deliver(consumer: Consumer, chunk: Uint8Array): boolean {
    this.#watch.touch();
    let pending: undefined | Promise<void>;
    try {
      pending = consumer(chunk);
    } catch (error) {
      this.#stop(error);
      return false;
    }
    if (pending === undefined) return !this.#done;
    this.#busy = true;
    this.#watch.pause();
    pending.then(
      () => {
        this.#busy = false;
        this.#drain();
      },
      (error: unknown) => this.#stop(error),
    );
    return false;
  }

  #finishIfDrained(): void {
    if (!this.#ended || this.#busy || this.#waiting.length > 0 || this.#done) return;
    this.#release();
    this.#options.source.finished?.();
    if (this.#failure === undefined) this.#settled.resolve();
    else this.#settled.reject(this.#failure);
  }

  /** Ends it from this side: abort, stall, or a consumer that failed. The first reason counts. */
  #stop(reason: unknown): void {
    if (this.#done) return;
    this.#release();
    this.#waiting.length = 0;
    this.#settled.reject(reason);
    this.#options.source.destroy();
  }

  #release(): void {
    this.#done = true;
    this.#watch.stop();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #stalled(): RegistryError {
    const seconds = this.#options.stallTimeoutMs / 1000;
    const request = describeRequest(this.#options.request);
    return new RegistryError(`Nothing came for ${seconds} s: ${request}`, {
      code: 'ERR_STALLED',
      origin: 'network',
      retryable: true,
      request,
    });
  }
}
