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

/** The smallest visited width that gave nearly the best goodput, and that goodput. */
export function bestVisited(
  startup: Startup,
  rules: StartupRules,
): { readonly width: number; readonly goodput: number } {
  const best = Math.max(0, ...startup.visited.map(({ goodput }) => goodput));
  const level = startup.visited.find(({ goodput }) => goodput >= rules.keep * best);
  return { width: level?.width ?? 1, goodput: best };
}
