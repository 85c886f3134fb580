import type { BuildEdge } from '../build/index.ts';
import { hasEnded, type Ledger, type TargetEntry } from './ledger.ts';

export interface ScheduleLimits {
  /** Builds at once. */
  readonly builders: number;
  /** True while more is built and not pushed than may wait. */
  readonly full: boolean;
}

/** What to do now. */
export interface NextSteps {
  /** Targets to build, those first that most others wait for. */
  readonly build: readonly string[];
  /** Targets that cannot be built any more, with the failed one that they are built from. */
  readonly skip: readonly { readonly target: string; readonly because: string }[];
}

/**
 * Decides what is built next, from nothing but where everything stands. The order of the ledger is
 * that of the plan: each target after all that it is built from, those first that unblock most.
 */
export function nextSteps(
  ledger: Ledger,
  edges: readonly BuildEdge[],
  { builders, full }: ScheduleLimits,
): NextSteps {
  const bases = groupBases(edges);
  const building = Array.from(ledger.values()).filter(({ state }) => state === 'building').length;
  const skipped = new Map<string, string>();
  const build: string[] = [];
  for (const { target, state } of ledger.values()) {
    if (state !== 'waiting') continue;
    const below = bases.get(target) ?? [];
    const because = below.map((name) => lostCause(ledger.get(name), skipped)).find(isKnown);
    if (because !== undefined) skipped.set(target, because);
    else if (below.every((name) => ledger.get(name)?.image !== undefined)) build.push(target);
  }
  const free = full ? 0 : Math.max(0, builders - building);
  return {
    build: build.slice(0, free),
    skip: Array.from(skipped, ([target, because]) => ({ target, because })),
  };
}

/** The target whose failure makes it impossible to build on this one. */
function lostCause(
  entry: TargetEntry | undefined,
  skipped: ReadonlyMap<string, string>,
): string | undefined {
  if (entry === undefined || entry.image !== undefined) return undefined;
  const chain = skipped.get(entry.target) ?? entry.because;
  if (chain !== undefined) return chain;
  return entry.state === 'failed-build' ? entry.target : undefined;
}

function isKnown(name: string | undefined): name is string {
  return name !== undefined;
}

function groupBases(edges: readonly BuildEdge[]): ReadonlyMap<string, readonly string[]> {
  const bases = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = bases.get(from);
    if (known === undefined) bases.set(from, [to]);
    else known.push(to);
  }
  return bases;
}

/** True when nothing is left to do and nothing is under way. */
export function isOver(ledger: Ledger): boolean {
  return Array.from(ledger.values()).every(hasEnded);
}

/**
 * Whether builds have to wait for pushes: from the high-water mark on, until half of it is gone, so
 * that they do not start and stop with every image.
 */
export function isFull(unpushedBytes: number, highWaterBytes: number, wasFull: boolean): boolean {
  return unpushedBytes > (wasFull ? highWaterBytes / 2 : highWaterBytes);
}
