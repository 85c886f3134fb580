/** What the watch over goodput at the base width has noticed. */
export type Change = 'none' | 'rose' | 'fell' | 'fell far' | 'fell after a trim';

/** Below this part of what was usual it has fallen far. */
const FAR = 0.7;

/**
 * Watches goodput while the width is held. A fast average is compared with a slow one: a rise or a
 * fall beyond 15 % means that the path has changed, or that the last trim was wrong.
 */
export class Reference {
  #goodput: number;
  #width: number;
  #fast: number | undefined;
  #windows = 0;
  /** What was usual before it began to fall. */
  #fallsFrom: number | undefined;

  constructor(goodput: number, width: number) {
    this.#goodput = goodput;
    this.#width = width;
  }

  /** Width at which the reference was taken. */
  get width(): number {
    return this.#width;
  }

  get goodput(): number {
    return this.#goodput;
  }

  /** A new hold begins; what was averaged before says nothing about it. */
  restart(): void {
    this.#fast = undefined;
    this.#windows = 0;
  }

  /** After a bad trim was undone, so that a noisy window does not undo it again. */
  lower(): void {
    this.#goodput *= 0.95;
  }

  take(goodput: number, width: number): Change {
    this.#fast = this.#fast === undefined ? goodput : 0.6 * this.#fast + 0.4 * goodput;
    this.#windows += 1;
    if (this.#windows < 3) return 'none';
    const fast = this.#fast;
    if (fast > 1.15 * this.#goodput) {
      this.#set(fast, width);
      return 'rose';
    }
    if (fast < 0.85 * this.#goodput) {
      if (width < this.#width) return 'fell after a trim';
      this.#fallsFrom ??= this.#goodput;
      this.#set(fast, width);
      return fast < FAR * this.#fallsFrom ? 'fell far' : 'fell';
    }
    this.#fallsFrom = undefined;
    this.#goodput = Math.max(0.998 * this.#goodput, 0.97 * this.#goodput + 0.03 * fast);
    return 'none';
  }

  #set(goodput: number, width: number): void {
    this.#goodput = goodput;
    this.#width = width;
  }
}
