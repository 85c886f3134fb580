/** Times of one thing, in the order they were taken. */
export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly median: number;
}

export interface Contender {
  readonly name: string;
  /** Runs once and returns the figure in `unit`. */
  readonly run: () => Promise<number>;
}

/**
 * Runs contenders in turn, round after round, so that a machine that slows down slows all of them.
 * The first round is thrown away.
 */
export async function compare(
  unit: string,
  contenders: readonly Contender[],
  rounds: number,
): Promise<Measured[]> {
  const values = contenders.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, { run }] of contenders.entries()) {
      const value = await run();
      if (round > 0) values[at]?.push(value);
    }
  }
  return contenders.map(({ name }, at) => {
    const own = values[at] ?? [];
    return { name, unit, values: own, median: median(own) };
  });
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Median over the rounds of the ratio within one round: what both met in that round cancels out. */
export function pairedRatio(ours: Measured | undefined, theirs: Measured | undefined): number {
  const ratios = ours?.values.map((value, at) => value / (theirs?.values[at] ?? Number.NaN)) ?? [];
  return median(ratios);
}
