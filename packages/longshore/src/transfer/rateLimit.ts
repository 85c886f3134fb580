import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes that may pass at once after a rest: a moment's worth, so that the rate is kept closely. */
const BURST_SECONDS = 0.05;

/** A cap on bytes per second, shared by all who take from it. It can be changed at any time. */
export class RateLimit {
  readonly #now: () => number;
  #bytesPerSecond: number;
  #credit = 0;
  #at: number;
  #heldMs = 0;

  /** @param bytesPerSecond `Infinity` for no cap @throws RangeError when it is not above 0 */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#at = now();
    this.#bytesPerSecond = checked(bytesPerSecond);
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  set bytesPerSecond(value: number) {
    this.#settle();
    this.#bytesPerSecond = checked(value);
    this.#credit = Math.min(this.#credit, this.#burst());
  }

  /** How long bytes were asked to wait so far. */
  get heldMs(): number {
    this.#settle();
    return this.#heldMs;
  }

  /** Books bytes that have passed; a promise asks to take no more until it settles. */
  take(bytes: number): undefined | Promise<void> {
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return undefined;
    this.#settle();
    this.#credit -= bytes;
    return this.#credit >= 0 ? undefined : this.#wait();
  }

  /** Waits in short steps, because the rate may be raised meanwhile. */
  async #wait(): Promise<void> {
    for (;;) {
      const seconds = -this.#credit / this.#bytesPerSecond;
      if (seconds <= 0) return;
      await sleep(Math.min(250, Math.ceil(seconds * 1000)));
      this.#settle();
    }
  }

  #settle(): void {
    const now = this.#now();
    const seconds = (now - this.#at) / 1000;
    this.#at = now;
    const debtSeconds = -this.#credit / this.#bytesPerSecond;
    this.#heldMs += 1000 * Math.max(0, Math.min(seconds, debtSeconds));
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) this.#credit = 0;
    else this.#credit = Math.min(this.#burst(), this.#credit + seconds * this.#bytesPerSecond);
  }

  #burst(): number {
    return this.#bytesPerSecond * BURST_SECONDS;
  }
}

function checked(value: number): number {
  if (value > 0) return value;
  throw new RangeError(`A rate limit is above 0 bytes per second, not ${value}`);
}
