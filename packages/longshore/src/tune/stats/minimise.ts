/**
 * Finds a low point of a function of a few numbers without its derivative: the simplex of Nelder
 * and Mead (1965), restarted once from where it ended, which frees it where it had folded up.
 */
export function minimise(
  f: (point: readonly number[]) => number,
  start: readonly number[],
  step = 0.5,
): readonly number[] {
  return descend(f, descend(f, start, step), step / 5);
}

interface Corner {
  readonly point: readonly number[];
  readonly value: number;
}

function descend(
  f: (point: readonly number[]) => number,
  start: readonly number[],
  step: number,
): readonly number[] {
  const at = (point: readonly number[]): Corner => ({ point, value: f(point) });
  let corners = [
    at(start),
    ...start.map((_, i) => at(start.map((x, j) => x + (i === j ? step : 0)))),
  ];
  for (let round = 0; round < 400; round += 1) {
    corners = corners.toSorted((a, b) => a.value - b.value);
    const best = corners[0] as Corner;
    const worst = corners.at(-1) as Corner;
    if (worst.value - best.value < 1e-13 * (1 + Math.abs(best.value))) break;
    const others = corners.slice(0, -1);
    const centre = start.map(
      (_, i) => others.reduce((t, c) => t + (c.point[i] ?? 0), 0) / others.length,
    );
    const along = (by: number): Corner =>
      at(centre.map((x, i) => x + by * ((worst.point[i] ?? 0) - x)));
    const next = moveWorst(along, { best, worst, second: others.at(-1) as Corner });
    corners =
      next === undefined
        ? corners.map((c) => at(c.point.map((x, i) => ((best.point[i] ?? 0) + x) / 2)))
        : [...others, next];
  }
  return corners.toSorted((a, b) => a.value - b.value)[0]?.point ?? start;
}

/** Reflects, expands or contracts; `undefined` asks to shrink towards the best. */
function moveWorst(
  along: (by: number) => Corner,
  { best, worst, second }: { best: Corner; worst: Corner; second: Corner },
): Corner | undefined {
  const reflected = along(-1);
  if (reflected.value < best.value) {
    const expanded = along(-2);
    return expanded.value < reflected.value ? expanded : reflected;
  }
  if (reflected.value < second.value) return reflected;
  const contracted = along(reflected.value < worst.value ? -0.5 : 0.5);
  return contracted.value < Math.min(worst.value, reflected.value) ? contracted : undefined;
}
