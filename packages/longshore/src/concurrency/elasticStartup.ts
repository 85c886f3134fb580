import type { Elasticity } from './elasticVerdict.ts';

/** Goodput at a width, in bytes per second. */
export interface Level {
  readonly width: number;
  readonly goodput: number;
}

/**
 * The doubling start. A width is doubled as soon as the last doubling has visibly paid, without
 * waiting out a whole window. It ends when two doublings in a row did not pay, or when goodput falls.
 */
export interface Startup {
  /** Every width in use so far, from the narrowest on, with its latest goodput. */
  readonly visited: Map<number, number>;
  slow: number;
  fallen: number;
  last: Elasticity | undefined;
}

export interface StartupRules {
  /** A doubling below this elasticity is slow; two in a row end the start. */
  readonly slowElasticity: number;
  /** A doubling above this elasticity is followed by the next at once. */
  readonly clearElasticity: number;
  /** Widths so many times apart are compared for whether flows pay. */
  readonly step: number;
  /** The base is the smallest visited width with this part of the best goodput. */
  readonly keep: number;
  /** Two short looks in a row below this part of the best end the start. */
  readonly fallen: number;
}

/** Standard error of an elasticity that was seen once, without a pair to compare. */
const ONE_LOOK = 0.2;

export function beginStartup(): Startup {
  return { visited: new Map(), slow: 0, fallen: 0, last: undefined };
}

function compare(low: Level, high: Level): Elasticity {
  const value = Math.log(high.goodput / low.goodput) / Math.log(high.width / low.width);
  return { low: low.width, high: high.width, value, standardError: ONE_LOOK };
}

/** The best of what narrower widths gave. */
function bestBelow(startup: Startup, width: number): Level | undefined {
  let best: Level | undefined;
  for (const [narrower, goodput] of startup.visited) {
    if (narrower < width && goodput > (best?.goodput ?? 0)) best = { width: narrower, goodput };
  }
  return best;
}

/**
 * Takes a short look, which may fall into the ramp of new connections. The latest look at a width
 * counts: it is the one that is furthest up the ramp.
 * @returns `fallen` when narrower widths gave clearly more, twice in a row
 */
export function glance(
  startup: Startup,
  now: Level,
  rules: StartupRules,
): 'pays' | 'fallen' | undefined {
  const best = bestBelow(startup, now.width);
  startup.visited.set(now.width, now.goodput);
  if (best === undefined) return undefined;
  startup.fallen = now.goodput < rules.fallen * best.goodput ? startup.fallen + 1 : 0;
  if (startup.fallen >= 2) {
    startup.last = compare(best, now);
    return 'fallen';
  }
  const clear = best.goodput * (now.width / best.width) ** rules.clearElasticity;
  return now.goodput >= clear ? 'pays' : undefined;
}

/** Takes the goodput at a doubled width. `true` when the start has ended. */
export function takeLevel(startup: Startup, level: Level, rules: StartupRules): boolean {
  const best = bestBelow(startup, level.width);
  startup.visited.set(level.width, level.goodput);
  if (best === undefined) return false;
  startup.last = compare(best, level);
  startup.slow = startup.last.value < rules.slowElasticity ? startup.slow + 1 : 0;
  return startup.slow >= 2 || level.goodput < 0.75 * best.goodput;
}

/**
 * Whether so many flows brought clearly more than those of a step before did. Widths that lie closer,
 * on the way up, differ by noise alone.
 */
export function hasPaid(startup: Startup, width: number, rules: StartupRules): boolean {
  const goodput = startup.visited.get(width);
  const best = bestBelow(startup, Math.floor(width / rules.step) + 1);
  if (goodput === undefined || best === undefined) return false;
  return compare(best, { width, goodput }).value > rules.clearElasticity;
}

/** The smallest visited width that gave nearly the best goodput, and that goodput. */
export function bestVisited(startup: Startup, rules: StartupRules): Level {
  const best = Math.max(0, ...startup.visited.values());
  const widths = [...startup.visited.keys()].sort((a, b) => a - b);
  const width = widths.find((tried) => (startup.visited.get(tried) ?? 0) >= rules.keep * best);
  return { width: width ?? 1, goodput: best };
}
