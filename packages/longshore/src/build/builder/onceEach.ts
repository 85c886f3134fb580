import { createFlights } from '../../concurrency/index.ts';

/** Work that is done once for a key, however many wait for it, and again only after it has failed. */
export class OnceEach {
  readonly #flights = createFlights<void>();
  readonly #done = new Set<string>();

  /** @param signal aborts this caller's wait; the work itself when nobody waits any more */
  async run(
    key: string,
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#done.has(key)) return;
    await this.#flights.join(key, work, signal);
    this.#done.add(key);
  }

  /** The keys whose work has been done. */
  get done(): ReadonlySet<string> {
    return this.#done;
  }
}
