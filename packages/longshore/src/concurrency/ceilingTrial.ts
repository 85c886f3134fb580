import { LONGEST_REST_MS } from './refusalRest.ts';

/** After a refusal; twice as long each time that one more was refused, too. */
const FIRST_WAIT_MS = 8_500;
const LONGEST_WAIT_MS = 300_000;
/** One more is a step up once it was served for so long, and so many requests for each flow were; */
const SERVED_MS = 200;
const SERVED_REQUESTS = 6;
/** or once it was served for so long, where flows are long. */
const LONG_SERVED_MS = 1_500;
/** One more that is neither taken nor refused for so long: the server lets it wait, or none was sent. */
const UNDECIDED_MS = 6_000;
/** So many steps show that the ceiling was none. */
const CLIMBED = 2;

/** What a look at a trial sees. */
export interface TrialLook {
  readonly atMs: number;
  /** The most flows in flight when a request was accepted that was sent since the last look. */
  readonly accepted: number;
  readonly requests: number;
  /** Flows that the server is believed to take. */
  readonly ceiling: number;
  /** The width that only a ceiling keeps from growing. */
  readonly wanted: number;
}

export interface TrialFailure {
  readonly atMs: number;
  readonly ceiling: number;
  readonly askedMs?: number | undefined;
}

/**
 * Whether a request that was refused beside so many others was the one more that is tried.
 * @param trial - flows that are to be open for it; 0 while nothing is tried
 */
export function wasTrial(trial: number, others: number): boolean {
  return trial > 0 && others >= trial - 1;
}

/**
 * One flow more than a refusal has left, tried once in a while: where it is refused as well, the others
 * go on as before, and that is all it costs. Where it is served the next one is tried at once.
 */
export class CeilingTrial {
  /** The ceiling that it began with. */
  #from: number | undefined;
  #beginAtMs = 0;
  /** Before the last trial. */
  #waitMs = FIRST_WAIT_MS;
  #servedSinceMs: number | undefined;
  /** Since when it, or its last step, is waited for. */
  #openSinceMs = 0;
  #requests = 0;

  get isOn(): boolean {
    return this.#from !== undefined;
  }

  /**
   * Begins when it is time to, and ends when nobody wants to go beyond the ceiling any more. True when
   * the one more has been served for long enough: the ceiling is one flow higher.
   */
  look({ atMs, accepted, requests, ceiling, wanted }: TrialLook): boolean {
    if (wanted < (this.#from ?? ceiling)) this.end();
    else if (this.#from === undefined && atMs > this.#beginAtMs) this.#begin(atMs, ceiling);
    if (this.#from === undefined) return false;
    if (this.#servedSinceMs === undefined) {
      if (accepted <= ceiling) {
        if (atMs - this.#openSinceMs > UNDECIDED_MS) this.#later(atMs);
        return false;
      }
      this.#servedSinceMs = atMs;
      this.#requests = 0;
    }
    this.#requests += requests;
    const servedMs = atMs - this.#servedSinceMs;
    const isServed = servedMs >= SERVED_MS && this.#requests > SERVED_REQUESTS * ceiling;
    if (!isServed && servedMs < LONG_SERVED_MS) return false;
    this.#servedSinceMs = undefined;
    this.#openSinceMs = atMs;
    return true;
  }

  #begin(atMs: number, ceiling: number): void {
    this.#from = ceiling;
    this.#openSinceMs = atMs;
    this.#servedSinceMs = undefined;
  }

  /**
   * One more was refused. Returns whether others were served before it.
   * @param askedMs - how long the server asks to be left alone
   */
  fail({ atMs, ceiling, askedMs = 0 }: TrialFailure): boolean {
    const steps = ceiling - (this.#from ?? ceiling);
    if (steps < CLIMBED) this.#later(atMs, askedMs);
    else {
      this.#waitMs = FIRST_WAIT_MS;
      this.postpone(atMs, askedMs);
    }
    return steps > 0;
  }

  /** A refusal that was no trial's says nothing of how often to try: the next one is as soon as the first. */
  postpone(atMs: number, askedMs = 0): void {
    this.#endUntil(atMs + FIRST_WAIT_MS, askedMs);
  }

  /** One more was refused, or let wait: the next trial is later, and later each time. */
  #later(atMs: number, askedMs = 0): void {
    this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
    this.#endUntil(atMs + this.#waitMs, askedMs);
  }

  #endUntil(beginAtMs: number, askedMs: number): void {
    this.end();
    this.#beginAtMs = beginAtMs + Math.min(LONGEST_REST_MS, askedMs);
  }

  end(): void {
    this.#from = undefined;
  }
}
