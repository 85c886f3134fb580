import type { Arm, Run, RunState } from './types.ts';

/** A run that has made its block void. */
export interface Spoiler {
  readonly arm: string;
  readonly state: RunState;
  readonly problem: string;
}

/** How often an arm may spoil a block before it is given up. */
const MOST_SPOILED = 3;

/**
 * The arms that keep spoiling blocks. An arm goes when it has done so three times. A registry that
 * refuses some width refuses wider ones too: what was refused at a width counts against all wider ones
 * that no run has shown to work, so that ten widths that are too many do not cost thirty blocks.
 */
export function armsToGiveUp(
  arms: readonly Arm[],
  spoilers: readonly Spoiler[],
  runs: readonly Run[],
): readonly { readonly arm: Arm; readonly why: string }[] {
  const worked = runs.flatMap(({ arm, state }) => (state === 'ok' ? widthOf(arm) : []));
  const widest = Math.max(0, ...worked);
  const refused = spoilers.flatMap(({ arm, state }) => (state === 'throttled' ? widthOf(arm) : []));
  return arms.flatMap((arm) => {
    const [width = 0] = widthOf(arm.id);
    const upTo = refused.filter((other) => other <= width);
    if (width > widest && upTo.length >= MOST_SPOILED) {
      return [{ arm, why: `the registry throttles ${Math.min(...upTo)} and more` }];
    }
    const own = spoilers.filter((spoiler) => spoiler.arm === arm.id);
    const last = own.at(-1);
    return last === undefined || own.length < MOST_SPOILED
      ? []
      : [{ arm, why: `${last.state} ${own.length} times: ${last.problem}` }];
  });
}

/** The count that an arm's name begins with; none for `auto` and `serial`. */
function widthOf(arm: string): number[] {
  const width = Number.parseInt(arm, 10);
  return Number.isNaN(width) ? [] : [width];
}
