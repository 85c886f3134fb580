import { medianRate, type OpenRange } from './steal.ts';

/** A flow is slow below this part of what is usual. */
const SLOW_PART = 0.3;
/** A flow has to be slow for so long before it is given up, in seconds; */
const SLOW_FOR_S = 5;
/** and for so long while connections are free and nothing waits for one, */
const SLOW_FOR_LATE_S = 2;
/** and so many set-ups more, for far away a new flow is slow for seconds. */
const LATE_SETUPS = 12;
/** With fewer rated flows nobody can tell which of them is the odd one. */
const ENOUGH_TO_COMPARE = 3;
/** So many of the flows that have ended tell what is usual where fewer than that are rated. */
const REMEMBERED = 8;
/**
 * A request is lost that was not answered for so long, in seconds, once connections are free, where one
 * that was sent later for the same blob was answered;
 */
const LOST_AFTER_S = 5;
/** and for so many set-ups more. */
const LOST_SETUPS = 20;
const MOST_PATIENCE = 8;
/** Asking anew has to save so much beyond two set-ups, in seconds. */
const LEAST_GAIN_S = 1;

/** A flow as {@link Stragglers} looks at it. */
export interface Runner
  extends Pick<OpenRange, 'id' | 'blob' | 'remainingBytes' | 'bytesPerSecond'> {
  /** What has to come again besides, where the server gives no ranges. */
  readonly lostBytes: number;
  /** How long its request has gone without an answer. */
  readonly unansweredSeconds?: number | undefined;
}

export interface StragglerLook {
  /** The caller's clock, monotonic. */
  readonly atSeconds: number;
  /** From sending a request to its first byte. */
  readonly setupSeconds: number;
  /** Connections are free, and nothing waits for one. */
  readonly isLate: boolean;
  /** A new request could go out now: what is given up before that only waits. */
  readonly mayAsk: boolean;
}

/** A flow that is over. */
export interface Finished {
  /** From its request to its last byte. */
  readonly bytesPerSecond: number;
  /** Open flows to the server then, itself included. */
  readonly of: number;
}

/**
 * Finds flows of one server that crawl while others do not, or where others did not a moment ago:
 * the last flow of a pull has nobody beside it, and what is left of it is too small to be cut.
 */
export class Stragglers {
  /** By the flow's number. */
  #slowSince: ReadonlyMap<number, number> = new Map();
  readonly #finished: Finished[] = [];
  /** What finished flows gave is believed this much: less after each flow that was given up for it. */
  #belief = 1;
  /** The server gets so many times longer to answer: twice as long after each time that it was asked anew. */
  #patience = 1;
  /**
   * Of each blob that moves, the latest flow that was answered while another one was not: flows are
   * numbered as they are sent, and only those that were sent after it tell.
   */
  #answered: ReadonlyMap<string, number> = new Map();

  finished(flow: Finished): void {
    this.#finished.push(flow);
    if (this.#finished.length > REMEMBERED) this.#finished.shift();
  }

  /**
   * @param runners - all flows to the server that are open
   * @returns those to give up, and to ask for again from where they stopped on a new connection
   */
  find(runners: readonly Runner[], now: StragglerLook): readonly number[] {
    const rated = runners.filter(({ bytesPerSecond }) => bytesPerSecond !== undefined);
    const isEnough = rated.length >= ENOUGH_TO_COMPARE;
    const usual = isEnough ? medianRate(rated) : this.#usualAmong(runners.length);
    if (isEnough) this.#belief = 1;
    const isSlow = ({ bytesPerSecond = 0 }: Runner): boolean =>
      usual !== undefined && bytesPerSecond < SLOW_PART * usual;
    this.#book(rated.filter(isSlow), now.atSeconds);
    this.#noteAnswers(runners);
    if (!now.mayAsk) return [];
    const lost = this.#lost(runners, now);
    if (usual === undefined) return lost;
    const found = rated.filter(
      (runner) =>
        now.atSeconds - (this.#slowSince.get(runner.id) ?? now.atSeconds) >= slowFor(now) &&
        gain(runner, usual) > 2 * now.setupSeconds + LEAST_GAIN_S &&
        // A memory is not worth most of a body.
        (isEnough || runner.lostBytes <= runner.remainingBytes),
    );
    // It may be the server that has become slow.
    if (found.length > 0 && !isEnough) this.#belief /= 2;
    return [...lost, ...found.map(({ id }) => id)];
  }

  #noteAnswers(runners: readonly Runner[]): void {
    if (runners.every(({ unansweredSeconds }) => unansweredSeconds === undefined)) return;
    const answered = new Map<string, number>();
    for (const { id, blob, unansweredSeconds } of runners) {
      const before = answered.get(blob) ?? this.#answered.get(blob) ?? 0;
      answered.set(blob, unansweredSeconds === undefined ? Math.max(id, before) : before);
    }
    this.#answered = answered;
  }

  /**
   * One that is never answered would hold the pull up for a minute. A blob of which nothing has been
   * answered may lie where it takes long to fetch, and a server that answers nothing is down.
   */
  #lost(runners: readonly Runner[], { isLate, setupSeconds }: StragglerLook): readonly number[] {
    const patience = this.#patience * (LOST_AFTER_S + LOST_SETUPS * setupSeconds);
    const lost = runners.find(
      ({ id, blob, unansweredSeconds = 0 }) =>
        unansweredSeconds > patience && (this.#answered.get(blob) ?? 0) > id,
    );
    if (!isLate || lost === undefined) return [];
    this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
    return [lost.id];
  }

  /**
   * What three quarters of the finished flows gave at least, of those that had as many others beside
   * them: alone, each may have had a greater share.
   */
  #usualAmong(flows: number): number | undefined {
    const rates = this.#finished.flatMap((flow) => (flow.of >= flows ? [flow.bytesPerSecond] : []));
    const rate = rates.sort((a, b) => a - b)[rates.length >> 2];
    return rates.length < ENOUGH_TO_COMPARE || rate === undefined ? undefined : this.#belief * rate;
  }

  #book(slow: readonly Runner[], atSeconds: number): void {
    const before = this.#slowSince;
    this.#slowSince = new Map(slow.map(({ id }) => [id, before.get(id) ?? atSeconds]));
  }
}

function slowFor({ isLate, setupSeconds }: StragglerLook): number {
  return isLate ? Math.min(SLOW_FOR_S, SLOW_FOR_LATE_S + LATE_SETUPS * setupSeconds) : SLOW_FOR_S;
}

/** Seconds. */
function gain({ remainingBytes, lostBytes, bytesPerSecond = 0 }: Runner, usual: number): number {
  return remainingBytes / Math.max(1, bytesPerSecond) - (remainingBytes + lostBytes) / usual;
}
