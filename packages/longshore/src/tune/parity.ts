import { type Random, shuffled } from './random.ts';
import type { Blocks } from './ratios.ts';
import { studentCdf } from './stats/distributions.ts';
import { type Estimate, mapEstimate, studentInterval } from './stats/intervals.ts';
import { leastSquares } from './stats/leastSquares.ts';
import { deviation, mean } from './stats/moments.ts';

/** Below this the data claim an effect; a strict level, because the question was asked after a look. */
const CLAIM_LEVEL = 0.01;
/** Smaller than this matters to nobody: the bounds of the equivalence test. */
const EQUIVALENCE = 0.02;
const MIN_NEIGHBOURS = 5;
const MIN_BLOCKS = 4;
/** Widths this much slower than the best are on the slope, where curvature looks like parity. */
const SLOPE = 0.1;

/**
 * - `effect`: even and odd differ, beyond chance
 * - `none`: they do not differ by as much as 2 %
 * - `cannot-tell`: neither is shown
 */
export interface ParityTest {
  readonly verdict: 'effect' | 'none' | 'cannot-tell';
  /** Even over odd: 1.03 says that even widths take 3 % longer. */
  readonly ratio: Estimate;
  /** By reshuffling the runs within each block. */
  readonly p: number;
  /** From the two one-sided tests (Schuirmann 1987) that the effect is within 2 %. */
  readonly equivalenceP: number;
  readonly widths: readonly number[];
}

interface Cell {
  readonly block: number;
  readonly width: number;
  readonly value: number;
  readonly order: number;
}

/**
 * Asks whether odd differs from even among neighbouring widths beyond the knee. Block, order within
 * the block and a smooth curve over widths are taken out first; then the residuals are reshuffled
 * within blocks (Freedman and Lane 1983), which the random order of the runs has made exchangeable.
 * `undefined` where there are too few neighbours or blocks.
 */
export function testParity(
  blocks: Blocks,
  options: {
    readonly widths: readonly number[];
    /** Place of each run, by block and arm. */
    readonly order: (block: number, width: number) => number;
    readonly random: Random;
    /** @defaultValue 4000 */
    readonly rounds?: number;
  },
): ParityTest | undefined {
  const widths = plateauNeighbours(blocks, options.widths);
  if (widths.length < MIN_NEIGHBOURS) return undefined;
  const cells = completeCells(blocks, widths, options.order);
  const count = cells.length / widths.length;
  if (count < MIN_BLOCKS) return undefined;
  const residuals = withoutSmooth(cells, widths);
  const rows = Array.from({ length: count }, (_, i) =>
    residuals.slice(i * widths.length, (i + 1) * widths.length),
  );
  const contrasts = rows.map((row) => contrast(row, widths));
  const estimate = studentInterval(contrasts);
  const p = shuffleTest(rows, widths, options);
  const equivalenceP = equivalence(contrasts, Math.log1p(EQUIVALENCE));
  const claimed = p <= CLAIM_LEVEL && (estimate.low > 0 || estimate.high < 0);
  return {
    verdict: claimed ? 'effect' : equivalenceP <= 0.05 ? 'none' : 'cannot-tell',
    ratio: mapEstimate(estimate, Math.exp),
    p,
    equivalenceP,
    widths,
  };
}

/** The longest stretch of neighbouring widths from the knee on. */
function plateauNeighbours(blocks: Blocks, widths: readonly number[]): readonly number[] {
  const rows = [...blocks.values()];
  const levels = widths.map((width) => ({
    width,
    level: mean(rows.flatMap((row) => row.get(String(width)) ?? [])),
  }));
  const lowest = Math.min(...levels.map(({ level }) => level));
  const knee = levels.find(({ level }) => level <= lowest + SLOPE)?.width ?? Infinity;
  return longestRun(widths.filter((width) => width >= knee));
}

/** Of a rising list, the longest stretch in which each is one more than the one before. */
export function longestRun(widths: readonly number[]): readonly number[] {
  let best: number[] = [];
  let current: number[] = [];
  for (const width of widths) {
    current = current.at(-1) === width - 1 ? [...current, width] : [width];
    if (current.length > best.length) best = current;
  }
  return best;
}

/** Blocks that have all the widths, one after the other, widths in rising order. */
function completeCells(
  blocks: Blocks,
  widths: readonly number[],
  order: (block: number, width: number) => number,
): Cell[] {
  const cells: Cell[] = [];
  for (const [block, row] of blocks) {
    const values = widths.map((width) => row.get(String(width)));
    if (values.includes(undefined)) continue;
    for (const [i, width] of widths.entries()) {
      cells.push({ block, width, value: values[i] ?? 0, order: order(block, width) });
    }
  }
  return cells;
}

/** Residuals after block means, drift and parity of the order within a block, and a smooth curve. */
function withoutSmooth(cells: readonly Cell[], widths: readonly number[]): readonly number[] {
  const size = widths.length;
  const values = centred(
    cells.map(({ value }) => value),
    size,
  );
  const curve = cells.map(({ width }) => Math.log(width));
  const columns = [
    curve,
    curve.map((x) => x * x),
    cells.map(({ order }) => order),
    cells.map(({ order }) => (order % 2 === 0 ? 0.5 : -0.5)),
  ].map((column) => centred(column, size));
  // The curve over widths must not swallow what is asked for, so parity takes part in the fit.
  const parity = centred(
    cells.map(({ width }) => (width % 2 === 0 ? 0.5 : -0.5)),
    size,
  );
  const rows = cells.map((_, i) => [...columns, parity].map((column) => column[i] ?? 0));
  const fit = leastSquares(rows, values);
  if (fit === undefined) return values;
  return fit.residuals.map((rest, i) => rest + (fit.coefficients[4] ?? 0) * (parity[i] ?? 0));
}

function centred(values: readonly number[], size: number): number[] {
  const means: number[] = [];
  for (let i = 0; i < values.length; i += size) means.push(mean(values.slice(i, i + size)));
  return values.map((value, i) => value - (means[Math.floor(i / size)] ?? 0));
}

/** Even less odd: each inner width against the middle of its neighbours, averaged. */
function contrast(row: readonly number[], widths: readonly number[]): number {
  let total = 0;
  for (let i = 1; i < row.length - 1; i += 1) {
    const local = (row[i] ?? 0) - ((row[i - 1] ?? 0) + (row[i + 1] ?? 0)) / 2;
    total += (widths[i] ?? 0) % 2 === 0 ? local : -local;
  }
  return total / (row.length - 2);
}

function shuffleTest(
  rows: readonly (readonly number[])[],
  widths: readonly number[],
  { random, rounds = 4000 }: { readonly random: Random; readonly rounds?: number },
): number {
  const weights = contrastWeights(widths);
  const dot = (row: readonly number[]): number =>
    row.reduce((total, value, i) => total + value * (weights[i] ?? 0), 0);
  const seen = Math.abs(rows.reduce((total, row) => total + dot(row), 0));
  let extreme = 0;
  for (let round = 0; round < rounds; round += 1) {
    let total = 0;
    for (const row of rows) total += dot(shuffled(row, random));
    if (Math.abs(total) >= seen - 1e-12) extreme += 1;
  }
  return (extreme + 1) / (rounds + 1);
}

function contrastWeights(widths: readonly number[]): readonly number[] {
  return widths.map((_, i) =>
    contrast(
      widths.map((__, j) => (i === j ? 1 : 0)),
      widths,
    ),
  );
}

function equivalence(values: readonly number[], bound: number): number {
  const n = values.length;
  const error = deviation(values) / Math.sqrt(n);
  const nearest = bound - Math.abs(mean(values));
  if (!(error > 0)) return nearest > 0 ? 0 : 1;
  return 1 - studentCdf(nearest / error, n - 1);
}
