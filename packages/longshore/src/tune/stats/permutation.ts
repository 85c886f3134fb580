/** Of a test that asks whether labels matter. */
export interface PermutationTest {
  /** Two-sided. */
  readonly p: number;
  /** How many labellings were looked at: all of them for an exact test. */
  readonly labellings: number;
}

/** Sums are compared as whole hundredths: exact, and finer than anybody writes times down. */
const SCALE = 100;

/**
 * Exact permutation test of two groups (Fisher 1935; Pitman 1937): over every way to choose as many
 * of the values as `group` has, how often is the sum as far from its mean as the one seen? Counted by
 * dynamic programming over sums (Pagano and Tritchler 1983), not by listing the ways.
 */
export function exactPermutation(
  group: readonly number[],
  rest: readonly number[],
): PermutationTest {
  const all = [...group, ...rest].map((value) => Math.round(value * SCALE));
  const size = group.length;
  const ways: Map<number, number>[] = Array.from({ length: size + 1 }, () => new Map());
  ways[0]?.set(0, 1);
  for (const value of all) {
    for (let chosen = size - 1; chosen >= 0; chosen -= 1) {
      const next = ways[chosen + 1];
      for (const [sum, count] of ways[chosen] ?? []) {
        next?.set(sum + value, (next.get(sum + value) ?? 0) + count);
      }
    }
  }
  const seen = all.slice(0, size).reduce((total, value) => total + value, 0);
  const centre = (size * all.reduce((total, value) => total + value, 0)) / all.length;
  let labellings = 0;
  let extreme = 0;
  for (const [sum, count] of ways[size] ?? []) {
    labellings += count;
    if (Math.abs(sum - centre) >= Math.abs(seen - centre) - 1e-9) extreme += count;
  }
  return { p: extreme / labellings, labellings };
}

/** Beyond it 2^n is too many to list. */
const MAX_PAIRS = 20;

/**
 * Exact sign-flip test of paired differences (Fisher 1935): under no effect each difference is as
 * likely to have the other sign.
 */
export function signFlip(differences: readonly number[]): PermutationTest | undefined {
  if (differences.length === 0 || differences.length > MAX_PAIRS) return undefined;
  let sums = [0];
  for (const difference of differences) {
    sums = [...sums.map((s) => s + difference), ...sums.map((s) => s - difference)];
  }
  const seen = Math.abs(differences.reduce((total, value) => total + value, 0));
  const extreme = sums.filter((s) => Math.abs(s) >= seen - 1e-9).length;
  return { p: extreme / sums.length, labellings: sums.length };
}
