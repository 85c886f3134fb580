/** A seeded generator of numbers in [0, 1): the same seed, the same run, on every machine. */
export type Random = () => number;

/** Weyl sequence through a 32-bit mixer: small, fast, good enough for simulated noise. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed | 0, 0x9e37_79b1) ^ 0x5bd1_e995;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
  };
}

/** A standard normal draw (Box and Muller). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** One of the values, each as likely as the others. */
export function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  return values[Math.floor(random() * values.length)] ?? values[0];
}
