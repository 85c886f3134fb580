import type { StoredRun } from '../../run/index.ts';
import type { RunOutcome } from '../../transfer/index.ts';

/** How a run ended; `unfinished` when it runs still or was killed. */
export function outcomeOf({ lines }: Pick<StoredRun, 'lines'>): RunOutcome | 'unfinished' {
  const last = lines.findLast((line) => 'run' in line);
  return last !== undefined && last.run === 'ended' ? last.outcome : 'unfinished';
}
