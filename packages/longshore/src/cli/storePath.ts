import path from 'node:path';
import type { CommandContext } from './commands/context.ts';

/** Where the store is, absolute: by flag, environment or file, else the default. */
export function storePath({ settings, places }: CommandContext): string {
  return path.resolve(places.cwd, settings.store ?? places.store);
}
