/** An item on its way: `value` is what the latest stage made of it. */
export interface Token {
  readonly index: number;
  readonly item: unknown;
  value: unknown;
  size: number;
}

export interface SourceEvents {
  /** An item that had to be waited for is here. */
  arrived(): void;
  failed(error: unknown): void;
}

/** Reads the items one ahead of who needs them, from whatever holds them. */
export class PipelineSource {
  ended = false;
  readonly #items: Iterable<unknown> | AsyncIterable<unknown>;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #events: SourceEvents;
  #ahead: Token | undefined;
  #reading = false;
  #count = 0;

  constructor(items: Iterable<unknown> | AsyncIterable<unknown>, events: SourceEvents) {
    this.#items = items;
    this.#events = events;
    this.#iterator =
      Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /** Whether an item is here. Where not, it is being read for, unless the source has ended. */
  ready(): boolean {
    if (this.#ahead === undefined && !this.ended && !this.#reading) this.#read();
    return this.#ahead !== undefined;
  }

  /** Nothing is here and nothing will come. */
  get empty(): boolean {
    return this.ended && this.#ahead === undefined;
  }

  take(): Token | undefined {
    const token = this.#ahead;
    this.#ahead = undefined;
    return token;
  }

  /** Reads no more. @returns what was read but not taken, and of an array all the rest */
  stop(): Token[] {
    const rest: Token[] = [];
    const ahead = this.take();
    if (ahead !== undefined) rest.push(ahead);
    if (this.ended) return rest;
    this.ended = true;
    if (Array.isArray(this.#items)) {
      for (const item of this.#items.slice(this.#count)) rest.push(this.#tokenOf(item));
      return rest;
    }
    // A generator that fails to clean up has nobody left to tell.
    try {
      void Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {}
    return rest;
  }

  #read(): void {
    try {
      const result = this.#iterator.next();
      if (!(result instanceof Promise)) {
        this.#accept(result);
        return;
      }
      this.#reading = true;
      result.then(
        (read) => {
          this.#reading = false;
          if (this.ended) return;
          this.#accept(read);
          this.#events.arrived();
        },
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #accept(result: IteratorResult<unknown>): void {
    if (result.done === true) this.ended = true;
    else this.#ahead = this.#tokenOf(result.value);
  }

  #tokenOf(item: unknown): Token {
    const token = { index: this.#count, item, value: item, size: 0 };
    this.#count += 1;
    return token;
  }

  #fail(error: unknown): void {
    this.#reading = false;
    if (this.ended) return;
    this.ended = true;
    this.#events.failed(error);
  }
}
