import type { ElasticSample } from './elasticTypes.ts';

/** One connection that is turned away may be chance; so many within that time are a limit. */
const TIMES = 2;
const WITHIN_MS = 8_000;

/**
 * What connections that broke say. Those that broke before any answer, while the server went on
 * serving others, tell its limit: what it served then. Those that broke in the middle say "fewer", once
 * in a while and not once per broken connection.
 */
export class Breaks {
  readonly #turnedAwayAt: number[] = [];
  #brokenAtMs = Number.NEGATIVE_INFINITY;

  take(sample: ElasticSample, rttMs: number): 'turned away' | 'broke' | undefined {
    const { atMs, breaks = 0, turnedAway } = sample;
    const turned = turnedAway?.count ?? 0;
    if (turned > 0 && this.#isLimit(atMs, turned)) return 'turned away';
    if (breaks <= turned || atMs - this.#brokenAtMs < Math.max(1_000, 8 * rttMs)) return undefined;
    this.#brokenAtMs = atMs;
    return 'broke';
  }

  #isLimit(atMs: number, count: number): boolean {
    const times = this.#turnedAwayAt;
    times.push(...Array<number>(Math.min(count, TIMES)).fill(atMs));
    while (times.length > TIMES || (times[0] ?? atMs) < atMs - WITHIN_MS) times.shift();
    return times.length === TIMES;
  }
}
