import { usageError } from '../failures.ts';
import type { OptionName } from '../settings/options.ts';
import type { Settings } from '../settings/resolve.ts';

const RANK = { flag: 2, environment: 1, file: 0 } as const;

/**
 * How wide to pull: `--workers` (by default as wide as pays), or one at a time for `--serial`; of the
 * two the one with the stronger source counts.
 * @throws LongshoreError `ERR_USAGE` when both are flags
 */
export function chooseWidth(
  settings: Pick<Settings, 'workers' | 'serial'>,
  sources: ReadonlyMap<OptionName, keyof typeof RANK>,
): { readonly workers: number | 'auto'; readonly serial: boolean } {
  const { workers = 'auto', serial = false } = settings;
  if (!serial) return { workers, serial };
  const ofWorkers = sources.get('workers');
  const ofSerial = sources.get('serial') ?? 'file';
  if (ofWorkers === undefined) return { workers: 1, serial };
  if (ofWorkers === 'flag' && ofSerial === 'flag') {
    throw usageError('--serial and --workers contradict each other; give one of them');
  }
  const widthWins = RANK[ofWorkers] > RANK[ofSerial];
  return widthWins ? { workers, serial: false } : { workers: 1, serial };
}
