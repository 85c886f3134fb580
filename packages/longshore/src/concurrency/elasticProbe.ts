import { fairGoodput, type Goodput } from './elasticMeter.ts';

/** Towards more flows, or fewer. */
export type Direction = 1 | -1;

/**
 * A paired probe: two widths are tried in turn, in random order, until the difference of the
 * logarithms of their goodput is clear. Pairs cancel what changes slowly (a noisy link, other
 * users); the random order cancels what alternates.
 */
export interface Probe {
  readonly direction: Direction;
  readonly high: number;
  readonly low: number;
  /** ln(goodput at high / goodput at low), one per finished pair. */
  readonly differences: number[];
  /** Widths still to be tried in this pair. */
  readonly order: number[];
  readonly goodput: { high: Goodput; low: Goodput };
}

export interface ProbeRules {
  /** More connections pay while d ln(goodput) / d ln(width) is above this. */
  readonly worthElasticity: number;
  /** How many standard errors make a difference clear. */
  readonly confidence: number;
  readonly minPairs: number;
  readonly maxPairs: number;
  /** A loss of this size to the wider width (natural logarithm) is believed after a single pair. */
  readonly plainLoss: number;
}

export interface ProbeResult {
  /** Whether the probed width replaces the base. */
  readonly accept: boolean;
  /** Whether the numbers said so clearly, or the pairs ran out. */
  readonly clear: boolean;
  /** d ln(goodput) / d ln(width) between the two widths. */
  readonly elasticity: number;
  readonly standardError: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
}

const NONE: Goodput = { own: 1, total: 1 };
/** Even a silent link has this spread between two windows, in natural logarithms. */
const LEAST_SPREAD = 0.03;
/** What is assumed of the spread while there is one pair and no way to measure it. */
const FIRST_SPREAD = 0.1;

/** @returns `undefined` where there is no width to try: below 1, or above `most` */
export function startProbe(
  direction: Direction,
  base: number,
  options: { readonly step: number; readonly most: number },
): Probe | undefined {
  const { step, most } = options;
  const up = Math.min(most, Math.max(base + 1, Math.round(base * step)));
  const high = direction > 0 ? up : base;
  const low = direction > 0 ? base : Math.min(base - 1, Math.round(base / step));
  if (low < 1 || high <= low) return undefined;
  return { direction, high, low, differences: [], order: [], goodput: { high: NONE, low: NONE } };
}

/** The width to try next; shuffles a new pair when the last one is done. */
export function nextWidth(probe: Probe, random: () => number): number {
  if (probe.order.length === 0) {
    const { high, low } = probe;
    probe.order.push(...(random() < 0.5 ? [high, low] : [low, high]));
  }
  return probe.order[0] ?? probe.low;
}

/** Takes the goodput at the width of {@link nextWidth}; a result once the probe is decided. */
export function takeGoodput(
  probe: Probe,
  goodput: Goodput,
  rules: ProbeRules,
): ProbeResult | undefined {
  const width = probe.order.shift();
  if (width === probe.high) probe.goodput.high = goodput;
  else probe.goodput.low = goodput;
  if (probe.order.length > 0) return undefined;
  const { high, low } = probe.goodput;
  probe.differences.push(Math.log(fairGoodput(high, low.total - low.own) / low.own));
  return judge(probe, rules);
}

function judge(probe: Probe, rules: ProbeRules): ProbeResult | undefined {
  const { direction, high, low, differences } = probe;
  const pairs = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / pairs;
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const spread =
    pairs > 1 ? Math.max(LEAST_SPREAD, Math.sqrt(squares / (pairs - 1))) : FIRST_SPREAD;
  const error = spread / Math.sqrt(pairs);
  const octaves = Math.log(high / low);
  const worth = rules.worthElasticity * octaves;
  // One pair is enough to leave things as they are, and to leave a width that clearly costs goodput.
  const crowded = direction < 0 && mean < -rules.plainLoss;
  const pays =
    pairs >= (direction > 0 ? rules.minPairs : 1) && mean - rules.confidence * error > worth;
  const idle =
    pairs >= (direction < 0 && !crowded ? rules.minPairs : 1) &&
    mean + rules.confidence * error < worth;
  const clear = pays || idle;
  if (!clear && pairs < rules.maxPairs) return undefined;
  return {
    accept: direction > 0 ? pays : idle,
    clear,
    elasticity: mean / octaves,
    standardError: error / octaves,
    low,
    high,
    pairs,
  };
}

/** A probe's outcome for a person: `settled: 12 gave 2% more than 8`. */
export function describeProbe(result: ProbeResult): string {
  const { low, high, elasticity } = result;
  const percent = Math.round(100 * Math.expm1(elasticity * Math.log(high / low)));
  const gain = percent < 0 ? `${-percent}% less` : `${percent}% more`;
  return `settled: ${high} gave ${gain} than ${low}`;
}
