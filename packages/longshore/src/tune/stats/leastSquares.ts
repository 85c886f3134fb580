/** What a straight fit found. */
export interface LinearFit {
  readonly coefficients: readonly number[];
  readonly residuals: readonly number[];
  /** Standard error of each coefficient; `NaN` when there is nothing left to judge by. */
  readonly errors: readonly number[];
  readonly degrees: number;
}

/**
 * Ordinary least squares by the normal equations, solved by elimination with pivoting: the designs
 * here have a dozen columns of like size. `undefined` when a column is a mix of the others.
 */
export function leastSquares(
  rows: readonly (readonly number[])[],
  values: readonly number[],
): LinearFit | undefined {
  const width = rows[0]?.length ?? 0;
  const square = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (__, j) => dot(rows, i, j)),
  );
  const inverse = invert(square);
  if (inverse === undefined) return undefined;
  const right = Array.from({ length: width }, (_, i) =>
    rows.reduce((total, row, k) => total + (row[i] ?? 0) * (values[k] ?? 0), 0),
  );
  const coefficients = inverse.map((row) => product(row, right));
  const residuals = rows.map((row, k) => (values[k] ?? 0) - product(row, coefficients));
  const degrees = rows.length - width;
  const variance = product(residuals, residuals) / degrees;
  const errors = inverse.map((row, i) =>
    degrees > 0 ? Math.sqrt(Math.max(0, row[i] ?? 0) * variance) : Number.NaN,
  );
  return { coefficients, residuals, errors, degrees };
}

function dot(rows: readonly (readonly number[])[], i: number, j: number): number {
  return rows.reduce((total, row) => total + (row[i] ?? 0) * (row[j] ?? 0), 0);
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
}

/** Gauss and Jordan; `undefined` for a matrix that has no inverse. */
export function invert(matrix: readonly (readonly number[])[]): number[][] | undefined {
  const size = matrix.length;
  const work = matrix.map((row, i) => [
    ...row,
    ...Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let column = 0; column < size; column += 1) {
    const pivot = largestFrom(work, column);
    const scale = Math.abs(matrix[column]?.[column] ?? 0) || 1;
    const lead = work[pivot]?.[column] ?? 0;
    if (Math.abs(lead) < 1e-12 * scale) return undefined;
    const top = work[pivot] ?? [];
    work[pivot] = work[column] ?? [];
    work[column] = top.map((value) => value / lead);
    for (const [i, row] of work.entries()) {
      const factor = i === column ? 0 : (row[column] ?? 0);
      if (factor === 0) continue;
      work[i] = row.map((value, j) => value - factor * (work[column]?.[j] ?? 0));
    }
  }
  return work.map((row) => row.slice(size));
}

function largestFrom(work: readonly (readonly number[])[], column: number): number {
  let best = column;
  for (let i = column + 1; i < work.length; i += 1) {
    if (Math.abs(work[i]?.[column] ?? 0) > Math.abs(work[best]?.[column] ?? 0)) best = i;
  }
  return best;
}
