import { parseReference } from '../../image/index.ts';
import { usageError } from '../failures.ts';
import { choosePlatform } from '../pull/platform.ts';
import { poolThreads } from '../stores.ts';
import { runTune } from '../tune/run.ts';
import type { CommandContext } from './context.ts';

/** `longshore tune pull REF...` */
export async function runTunePull(context: CommandContext): Promise<number> {
  const { args, settings, host } = context;
  if (args.length === 0) {
    throw usageError(
      'tune pull: no image is named',
      'Give one that takes seconds to pull, or several',
    );
  }
  for (const input of args) parseReference(input);
  const platform = choosePlatform(settings.platform, host);
  const { tunePull } = await import('../../tune/index.ts');
  return runTune(context, 'pull', (options) =>
    tunePull(args, { ...options, platform, poolThreads: poolThreads(context) }),
  );
}
