import { RefusalSpacing } from './refusalSpacing.ts';

/** After two refusals with nothing taken between them, the next request waits for so many times fewer flows. */
const FEWER = 8;
/**
 * An answer allows this part of a request more to be unanswered, over as many as may be; the whole part
 * where the server refuses but one request now and then.
 */
const GROWTH = 0.5;

/**
 * Which requests may go to a server that has refused some, so that it sees no burst however many flows
 * wait: after a refusal one request goes first, and as requests are taken slowly more may be unanswered.
 * A server that refuses more than it has taken so far is believed to go on taking as many. One that
 * refuses fewer has changed, and nothing that it took before counts any more: it is found out anew,
 * with one flow more at a time. One that refuses a single request now and then has not.
 */
export class Turnstile {
  #refusals = 0;
  /** The most flows in flight that the server is known to take. */
  #taken = 0;
  /** How many requests may be unanswered, while it is more than one. */
  #unanswered = 1;
  /** How many may be as soon as one is taken: half as many as before a request was refused alone. */
  #again = 1;
  readonly #spacing = new RefusalSpacing();
  /** The next request waits until no more flows than this are left. */
  #most = Number.POSITIVE_INFINITY;

  /** For a request that goes out now: what it tells by how it fares hangs on when it was sent. */
  get turn(): number {
    return this.#refusals;
  }

  /**
   * @param flows in flight
   * @param unanswered those of them whose answer has not come
   */
  lets(flows: number, unanswered: number): boolean {
    if (this.#refusals === 0) return true;
    if (unanswered === 0) return flows <= this.#most;
    return flows <= this.#taken && unanswered < this.#unanswered;
  }

  /** @param inFlight flows when the request was sent, itself included */
  accepted(turn: number, inFlight: number): void {
    this.#spacing.accepted(1);
    if (turn !== this.#refusals) return;
    this.#taken = Math.max(this.#taken, inFlight);
    const grown = this.#spacing.isWide ? GROWTH : GROWTH / this.#unanswered;
    this.#unanswered = Math.max(this.#again, this.#unanswered + grown);
    this.#again = 1;
    this.#most = Number.POSITIVE_INFINITY;
  }

  /**
   * What was sent before the last refusal was known says nothing new.
   * @param inFlight flows when the request was sent, without itself
   */
  refused(turn: number, inFlight: number): void {
    this.#spacing.refused(1);
    if (turn !== this.#refusals) return;
    const isFirst = this.#refusals === 0;
    if (!isFirst && this.#unanswered === 1) this.#most = Math.floor(inFlight / FEWER);
    this.#refusals += 1;
    const isWide = this.#spacing.isWide;
    if (inFlight < this.#taken && !isWide) this.#taken = 0;
    this.#again = isWide ? this.#unanswered / 2 : 1;
    this.#unanswered = 1;
  }
}
