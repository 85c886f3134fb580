import { isChoice } from './arms.ts';
import { mean } from './stats/moments.ts';
import type { Arm, Observation } from './types.ts';

/** With fewer there is no curve, and little to compare. */
const FEWEST_CHOICES = 3;
/** Runs vary; a block that is begun should end in time. */
const MARGIN = 1.15;

/** How long one more block takes, by the runs so far. @param overheadMs of each run, beside what is measured */
export function expectedBlockMs(
  arms: readonly Arm[],
  observations: readonly Observation[],
  overheadMs: number,
): number {
  const times = arms.map(({ id }) => typicalMs(id, observations) + overheadMs);
  return MARGIN * times.reduce((total, time) => total + time, 0);
}

/**
 * The arms to leave out so that enough blocks fit into the time that is left: an answer about the
 * widths that look good is worth more than none about all. The slowest go first, as they cost most
 * and matter least; the fastest three counts stay.
 */
export function armsBeyondBudget(
  arms: readonly Arm[],
  observations: readonly Observation[],
  time: { readonly blocks: number; readonly leftMs: number; readonly overheadMs: number },
): readonly Arm[] {
  const slowestFirst = arms.toSorted(
    (a, b) => typicalMs(b.id, observations) - typicalMs(a.id, observations),
  );
  const stay = new Set<Arm>(slowestFirst.filter(isChoice).slice(-FEWEST_CHOICES));
  const out: Arm[] = [];
  for (const arm of slowestFirst) {
    const kept = arms.filter((other) => !out.includes(other));
    const needed = time.blocks * expectedBlockMs(kept, observations, time.overheadMs);
    if (needed <= time.leftMs) break;
    if (!stay.has(arm)) out.push(arm);
  }
  return out;
}

function typicalMs(arm: string, observations: readonly Observation[]): number {
  const own = observations.filter((o) => o.arm === arm).map(({ seconds }) => seconds * 1000);
  return own.length === 0 ? 0 : mean(own);
}
