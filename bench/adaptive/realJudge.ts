import { median } from '../pull/measure.ts';
import type { RealRun } from './realPull.ts';

/** What a sweep says: the best fixed width beside `--workers auto`. */
export interface RealOutcome {
  /** Median of each width, in seconds; left out where a run was stopped at the bound. */
  readonly byWidth: readonly (readonly [width: number, seconds: number])[];
  readonly best: number;
  readonly bestWidth: number;
  /** The smallest width within 5 % of the best. */
  readonly enough: number;
  readonly auto: number;
  /** 10 % and 3 s above the best. */
  readonly limit: number;
  readonly connections: number;
  readonly inTime: boolean;
  readonly narrow: boolean;
}

export function judgeReal(runs: readonly RealRun[]): RealOutcome {
  const autos = runs.filter(({ workers }) => workers === 'auto');
  const widths = [...new Set(runs.map(({ workers }) => workers))].flatMap((workers) =>
    workers === 'auto' ? [] : [workers],
  );
  const byWidth = widths
    .toSorted((a, b) => a - b)
    .map((width) => [width, secondsOf(runs.filter(({ workers }) => workers === width))] as const)
    .filter(([, seconds]) => Number.isFinite(seconds));
  const best = Math.min(...byWidth.map(([, seconds]) => seconds));
  const bestWidth = byWidth.find(([, seconds]) => seconds === best)?.[0] ?? Number.NaN;
  const enough = byWidth.find(([, seconds]) => seconds <= 1.05 * best)?.[0] ?? Number.NaN;
  const auto = secondsOf(autos);
  const limit = 1.1 * best + 3;
  const connections = median(autos.flatMap((run) => run.connections ?? []));
  return {
    byWidth,
    best,
    bestWidth,
    enough,
    auto,
    limit,
    connections,
    inTime: auto <= limit,
    narrow: connections <= 1.5 * enough,
  };
}

function secondsOf(runs: readonly RealRun[]): number {
  return median(runs.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY));
}
