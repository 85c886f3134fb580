import { EXIT } from '../exitCodes.ts';
import { storePath } from '../storePath.ts';
import type { CommandContext } from './context.ts';

/** `longshore cache path` */
export async function runCachePath(context: CommandContext): Promise<number> {
  context.print(`${storePath(context)}\n`);
  return EXIT.ok;
}
