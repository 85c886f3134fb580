import { longestRun } from './parity.ts';
import { TOLERANCE } from './recommend.ts';
import { type Estimate, studentInterval } from './stats/intervals.ts';
import { deviation, mean } from './stats/moments.ts';
import { exactPermutation, type PermutationTest, signFlip } from './stats/permutation.ts';

/** What one run for each width can show, and what it cannot. Seconds. */
export interface SweepReading {
  readonly runs: number;
  readonly fastest: SweepPoint;
  /** The fewest workers within 5 % of the fastest. */
  readonly smallestWithin: SweepPoint;
  /** Time of one worker over the fastest, where one worker was measured. */
  readonly gainOverOne?: number;
  readonly parity?: SweepParity;
  /** In how many runs the parity of the width is that of the place in the sequence. */
  readonly parityFollowsOrder: number;
}

export interface SweepPoint {
  readonly workers: number;
  readonly seconds: number;
}

interface Level {
  readonly runs: number;
  readonly mean: number;
}

export interface SweepParity {
  /** Of widths from 2 up. */
  readonly odd: Level;
  readonly even: Level;
  readonly permutation: PermutationTest;
  /** Even less odd in neighbouring pairs, first with second, third with fourth, from 2 up. */
  readonly pairs: {
    readonly from: number;
    readonly to: number;
    readonly count: number;
    readonly difference: Estimate;
  };
  readonly signFlip?: PermutationTest;
  /** Of the inner widths of that stretch, how many stand out from their neighbours the same way. */
  readonly local: { readonly same: number; readonly of: number };
  /** Widths beyond the last pair. */
  readonly beyond?: { readonly from: number; readonly mean: number; readonly deviation: number };
}

interface Point extends SweepPoint {
  readonly order: number;
}

/** Reads a sweep of one run for each width. @param points any order, widths unique, at least one */
export function readSweep(points: readonly Point[]): SweepReading {
  const rising = points.toSorted((a, b) => a.workers - b.workers);
  const fastest = rising.reduce((best, point) => (point.seconds < best.seconds ? point : best));
  const within = rising.find(({ seconds }) => seconds <= fastest.seconds * (1 + TOLERANCE));
  const one = rising.find(({ workers }) => workers === 1);
  const parity = readParity(rising);
  const followed = points.filter(({ workers, order }) => workers % 2 === order % 2).length;
  return {
    runs: points.length,
    fastest: bare(fastest),
    smallestWithin: bare(within ?? fastest),
    ...(one === undefined ? {} : { gainOverOne: one.seconds / fastest.seconds }),
    ...(parity === undefined ? {} : { parity }),
    parityFollowsOrder: Math.max(followed, points.length - followed),
  };
}

function bare({ workers, seconds }: Point): SweepPoint {
  return { workers, seconds };
}

/** One worker is left out of the groups: it is odd, and slow for another reason. */
function readParity(all: readonly Point[]): SweepParity | undefined {
  const rising = all.filter(({ workers }) => workers >= 2);
  const odd = rising.filter(({ workers }) => workers % 2 === 1).map(({ seconds }) => seconds);
  const even = rising.filter(({ workers }) => workers % 2 === 0).map(({ seconds }) => seconds);
  const stretch = longestRun(rising.map(({ workers }) => workers));
  if (odd.length < 3 || even.length < 3 || stretch.length < 6) return undefined;
  const time = new Map(all.map(({ workers, seconds }) => [workers, seconds]));
  const at = (width: number): number => time.get(width) ?? Number.NaN;
  const evenLess = (a: number, b: number): number => (a % 2 === 0 ? at(a) - at(b) : at(b) - at(a));
  const first = stretch[0] ?? 0;
  const count = Math.floor(stretch.length / 2);
  const differences = Array.from({ length: count }, (_, i) =>
    evenLess(first + 2 * i, first + 2 * i + 1),
  );
  const flips = signFlip(differences);
  const last = first + 2 * count - 1;
  const beyond = rising.filter(({ workers }) => workers > last).map(({ seconds }) => seconds);
  return {
    odd: { runs: odd.length, mean: mean(odd) },
    even: { runs: even.length, mean: mean(even) },
    permutation: exactPermutation(odd, even),
    pairs: { from: first, to: last, count, difference: studentInterval(differences) },
    ...(flips === undefined ? {} : { signFlip: flips }),
    local: localContrasts(longestRun(all.map(({ workers }) => workers)), at),
    ...(beyond.length < 3
      ? {}
      : { beyond: { from: last + 1, mean: mean(beyond), deviation: deviation(beyond) } }),
  };
}

function localContrasts(
  stretch: readonly number[],
  at: (width: number) => number,
): SweepParity['local'] {
  const inner = stretch.slice(1, -1);
  const signs = inner.map((width) => {
    const stands = at(width) - (at(width - 1) + at(width + 1)) / 2;
    return width % 2 === 0 ? stands > 0 : stands < 0;
  });
  const slower = signs.filter(Boolean).length;
  return { same: Math.max(slower, signs.length - slower), of: signs.length };
}
