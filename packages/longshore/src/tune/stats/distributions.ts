/** Upper bound of steps of the continued fraction; it needs about 20. */
const MAX_STEPS = 300;
const TINY = 1e-300;

/** P(T <= t) of Student's distribution. */
export function studentCdf(t: number, degrees: number): number {
  const tail = 0.5 * betaShare(degrees / (degrees + t * t), degrees / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

const quantiles = new Map<string, number>();

/**
 * The t below which a share of Student's distribution lies; by bisection, to 1e-10. Kept once found:
 * an analysis asks for the same few thousands of times, and each costs 40 evaluations.
 */
export function studentQuantile(share: number, degrees: number): number {
  const key = `${share} ${degrees}`;
  const known = quantiles.get(key);
  if (known !== undefined) return known;
  const found = bisect((t) => studentCdf(t, degrees) - share, -1e4, 1e4);
  quantiles.set(key, found);
  return found;
}

/** P(Z <= z) of the standard normal distribution. */
export function normalCdf(z: number): number {
  // Student's distribution with this many degrees differs from the normal by less than 1e-7.
  return studentCdf(z, 1e7);
}

export function normalQuantile(share: number): number {
  return bisect((z) => normalCdf(z) - share, -40, 40);
}

function bisect(f: (x: number) => number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (high - low > 1e-10) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated with
 * Lentz's method (Thompson and Barnett 1986).
 */
function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  let fraction = 1;
  let c = 1;
  let d = 0;
  for (let step = 0; step <= MAX_STEPS; step += 1) {
    const term = step === 0 ? 1 : betaTerm(step, { x, a, b });
    d = 1 / nonZero(1 + term * d);
    c = nonZero(1 + term / c);
    fraction *= c * d;
    if (step > 0 && Math.abs(c * d - 1) < 1e-14) break;
  }
  return (front * (fraction - 1)) / a;
}

function betaTerm(step: number, { x, a, b }: { x: number; a: number; b: number }): number {
  const m = Math.floor(step / 2);
  if (step % 2 === 0) return (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
  return (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** Logarithm of the gamma function by Stirling's series (DLMF 5.11.1), shifted up to 10. */
function logGamma(value: number): number {
  let x = value;
  let shift = 0;
  while (x < 10) {
    shift -= Math.log(x);
    x += 1;
  }
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5);
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
