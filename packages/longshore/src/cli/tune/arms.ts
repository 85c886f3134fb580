import type { ArmOptions } from '../../tune/index.ts';
import { usageError } from '../failures.ts';
import type { Settings } from '../settings/resolve.ts';

/** Neighbours for the question whether odd differs from even. */
const PARITY = [4, 5, 6, 7, 8, 9, 10, 11, 12];

/**
 * What to compare: `--widths`, else a ladder with `auto`; `--parity` puts 4 to 12 among them.
 * @throws LongshoreError `ERR_TUNE_WIDTHS`, `ERR_USAGE` for fewer than two
 */
export async function chooseArms(
  settings: Pick<Settings, 'widths' | 'serial' | 'parity'>,
  verb: 'pull' | 'push',
): Promise<ArmOptions> {
  const { PULL_LADDER, PUSH_LADDER, parseWidths } = await import('../../tune/index.ts');
  const ladder = verb === 'push' ? PUSH_LADDER : PULL_LADDER;
  const asked =
    settings.widths === undefined ? { widths: ladder, auto: true } : parseWidths(settings.widths);
  const all = new Set([...asked.widths, ...(settings.parity === true ? PARITY : [])]);
  const serial = settings.serial ?? false;
  if (all.size + Number(asked.auto) + Number(serial) < 2) {
    throw usageError('tune: one width is nothing to compare', 'Give several, for example 1,2,4,8');
  }
  const widths = [...all].toSorted((a, b) => a - b);
  return { widths, auto: asked.auto, serial, twin: true };
}
