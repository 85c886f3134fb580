/** Gives numbers from 0 to 1, 1 not included. */
export type Random = () => number;

/**
 * A generator that gives the same numbers for the same seed on every machine, so that a design can
 * be made again from its seed. SplitMix32: a counter with the golden ratio as step, mixed by the
 * finaliser of MurmurHash3 (Steele, Lea and Flood, OOPSLA 2014, describe the family).
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
  };
}

/** A new array in random order, every order equally likely (Fisher and Yates; Durstenfeld 1964). */
export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const moved = result[last] as T;
    result[last] = result[other] as T;
    result[other] = moved;
  }
  return result;
}
