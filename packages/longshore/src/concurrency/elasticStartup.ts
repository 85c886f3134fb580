import type { Elasticity } from './elasticVerdict.ts';

/** Standard error of an elasticity that was seen once, without a pair to compare. */
const ONE_LOOK = 0.2;

/**
 * The doubling start. A width is doubled as soon as the last doubling has visibly paid, without
 * waiting out a whole window; it ends when two doublings in a row did not.
 */
export interface Startup {
  readonly visited: { readonly width: number; readonly goodput: number }[];
  slow: number;
}

export interface StartupRules {
  /** A doubling below this elasticity is slow; two in a row end the start. */
  readonly slowElasticity: number;
  /** A doubling above this elasticity is followed by the next at once. */
  readonly clearElasticity: number;
  /** The base is the smallest visited width with this part of the best goodput. */
  readonly keep: number;
}

export function beginStartup(): Startup {
  return { visited: [], slow: 0 };
}

/** Whether goodput over a short time already shows that the last doubling paid. */
export function paysClearly(
  startup: Startup,
  now: { readonly width: number; readonly goodput: number },
  rules: StartupRules,
): boolean {
  const last = startup.visited.at(-1);
  if (last === undefined || now.width <= last.width || last.goodput <= 0) return false;
  return now.goodput >= last.goodput * (now.width / last.width) ** rules.clearElasticity;
}

/** Takes the goodput at a width. `true` when the start has ended. */
export function takeLevel(
  startup: Startup,
  level: { readonly width: number; readonly goodput: number },
  rules: StartupRules,
): boolean {
  const last = startup.visited.at(-1);
  startup.visited.push(level);
  if (last === undefined || level.width <= last.width) return false;
  const elasticity = Math.log(level.goodput / last.goodput) / Math.log(level.width / last.width);
  startup.slow = elasticity < rules.slowElasticity ? startup.slow + 1 : 0;
  return startup.slow >= 2 || level.goodput < 0.75 * last.goodput;
}

/** What the last doubling brought; `undefined` before the second width. */
export function lastDoubling(startup: Startup): Elasticity | undefined {
  const [before, last] = startup.visited.slice(-2);
  if (before === undefined || last === undefined || last.width <= before.width) return undefined;
  const value = Math.log(last.goodput / before.goodput) / Math.log(last.width / before.width);
  return { low: before.width, high: last.width, value, standardError: ONE_LOOK };
}

/** The smallest visited width that gave nearly the best goodput, and that goodput. */
export function bestVisited(
  startup: Startup,
  rules: StartupRules,
): { readonly width: number; readonly goodput: number } {
  const best = Math.max(0, ...startup.visited.map(({ goodput }) => goodput));
  const level = startup.visited.find(({ goodput }) => goodput >= rules.keep * best);
  return { width: level?.width ?? 1, goodput: best };
}
