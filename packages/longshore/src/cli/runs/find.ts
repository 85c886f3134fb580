import type { StoredRun } from '../../run/index.ts';
import type { CommandContext } from '../commands/context.ts';
import { storePath } from '../storePath.ts';

/** The run that the first argument names; without one, the newest. */
export async function readNamedRun(context: CommandContext): Promise<StoredRun> {
  const { findRun, readRun } = await import('../../run/index.ts');
  const path = storePath(context);
  return readRun(path, await findRun(path, context.args[0]));
}
