import type { ElasticController } from '../../src/concurrency/index.ts';
import { normal, seededRandom } from './random.ts';

/** One origin of several that share a link; work without end. MB and seconds. */
export interface OriginModel {
  readonly perConnection: number;
  /** Most that the server gives in all. */
  readonly most: number;
}

export interface OriginsResult {
  /** Average MB/s of each origin over the second half of the run. */
  readonly goodput: readonly number[];
  readonly widths: readonly number[];
  /** Largest sum of widths at any time. */
  readonly peak: number;
}

/** Runs controllers of several origins side by side on one link. */
export function runOrigins(
  link: number,
  origins: readonly OriginModel[],
  options: {
    readonly controllers: readonly ElasticController[];
    readonly seconds: number;
    readonly seed: number;
  },
): OriginsResult {
  const { controllers, seconds, seed } = options;
  const random = seededRandom(seed);
  const step = 0.1;
  const sums = origins.map(() => 0);
  let peak = 0;
  for (let now = 0; now < seconds; now += step) {
    const flows = controllers.map(({ target }) => target);
    const active = flows.reduce((sum, count) => sum + count, 0);
    peak = Math.max(peak, active);
    const wishes = origins.map(({ perConnection, most }, index) =>
      Math.min(most, perConnection * (flows[index] ?? 0)),
    );
    const rates = share(link, wishes, flows).map((rate) => rate * Math.exp(0.03 * normal(random)));
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    for (const [index, controller] of controllers.entries()) {
      const rate = rates[index] ?? 0;
      if (now >= seconds / 2) sums[index] = (sums[index] ?? 0) + rate * step;
      controller.observe({
        atMs: now * 1000,
        bytes: rate * step * 1e6,
        totalBytes: total * step * 1e6,
        active: flows[index] ?? 0,
        totalActive: active,
        waiting: 99,
        rttMs: 20,
      });
    }
  }
  return {
    goodput: sums.map((sum) => sum / (seconds / 2)),
    widths: controllers.map(({ target }) => target),
    peak,
  };
}

/** Each flow is worth the same; who wants less than its share leaves the rest to the others. */
function share(link: number, wishes: readonly number[], flows: readonly number[]): number[] {
  const rates = wishes.map(() => 0);
  const open = new Set(wishes.keys());
  let left = link;
  while (open.size > 0) {
    const count = [...open].reduce((sum, index) => sum + (flows[index] ?? 0), 0);
    const level = left / Math.max(1, count);
    const content = [...open].filter(
      (index) => (wishes[index] ?? 0) <= level * (flows[index] ?? 0),
    );
    const settled = content.length > 0 ? content : [...open];
    for (const index of settled) {
      const rate = Math.min(wishes[index] ?? 0, level * (flows[index] ?? 0));
      rates[index] = rate;
      open.delete(index);
    }
    left -= settled.reduce((sum, index) => sum + (rates[index] ?? 0), 0);
  }
  return rates;
}
