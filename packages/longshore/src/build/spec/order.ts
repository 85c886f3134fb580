import type { BuildEdge } from '../target.ts';

/**
 * Orders names so that each comes after all that it is built from, and among those that could come
 * next the one that most others wait for, directly or not; then as they were given.
 * @returns the names on a cycle instead, in the order of its edges, where there is one
 */
export function orderTargets(
  names: readonly string[],
  edges: readonly Pick<BuildEdge, 'from' | 'to'>[],
): { readonly order: readonly string[] } | { readonly cycle: readonly string[] } {
  const waitsFor = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
  const dependants = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
  for (const { from, to } of edges) {
    waitsFor.get(from)?.add(to);
    dependants.get(to)?.add(from);
  }
  const weight = new Map(names.map((name) => [name, reach(name, dependants)]));
  const left = new Map([...waitsFor].map(([name, bases]) => [name, bases.size]));
  const ready = names.filter((name) => left.get(name) === 0);
  const position = new Map(names.map((name, index) => [name, index]));
  const urgency = (a: string, b: string): number =>
    (weight.get(b) ?? 0) - (weight.get(a) ?? 0) || (position.get(a) ?? 0) - (position.get(b) ?? 0);
  const order: string[] = [];
  while (ready.length > 0) {
    ready.sort(urgency);
    const next = ready.shift();
    if (next === undefined) break;
    order.push(next);
    for (const name of dependants.get(next) ?? []) {
      const open = (left.get(name) ?? 0) - 1;
      left.set(name, open);
      if (open === 0) ready.push(name);
    }
  }
  return order.length === names.length ? { order } : { cycle: findCycle(names, waitsFor, order) };
}

/** How many wait for a name, directly or not. */
function reach(name: string, dependants: ReadonlyMap<string, ReadonlySet<string>>): number {
  const found = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const one of dependants.get(next) ?? []) {
      if (found.has(one)) continue;
      found.add(one);
      open.push(one);
    }
  }
  return found.size;
}

/** Every name that was not ordered waits for one that was not either; following them closes a cycle. */
function findCycle(
  names: readonly string[],
  waitsFor: ReadonlyMap<string, ReadonlySet<string>>,
  order: readonly string[],
): readonly string[] {
  const ordered = new Set(order);
  const path: string[] = [];
  let next = names.find((name) => !ordered.has(name));
  while (next !== undefined && !path.includes(next)) {
    path.push(next);
    next = [...(waitsFor.get(next) ?? [])].find((name) => !ordered.has(name));
  }
  return next === undefined ? path : path.slice(path.indexOf(next));
}
