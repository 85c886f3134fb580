import { stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../errors.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { withInterrupts } from '../interrupts.ts';
import { cleanText } from '../render/text.ts';
import { openOrCreateStore } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** `longshore bundle import FILE` */
export async function runBundleImport(context: CommandContext): Promise<number> {
  const { args, places, host, print, complain } = context;
  const [file = ''] = args;
  const resolved = path.resolve(places.cwd, file);
  await checkReadable(resolved, file);
  const { importBundle } = await import('../../export/index.ts');
  const { references, added, present } = await withInterrupts(host, async (signal) => {
    const store = await openOrCreateStore(context);
    try {
      return await importBundle({ store, path: resolved, signal });
    } finally {
      await store.close();
    }
  });
  for (const reference of references) print(`${cleanText(reference)}\n`);
  complain(`${references.length} images, ${added} blobs taken in, ${present} were there already\n`);
  return EXIT.ok;
}

/** Before a store is made for nothing. */
async function checkReadable(resolved: string, file: string): Promise<void> {
  const stats = await stat(resolved).catch((cause: unknown) => {
    throw usageError(`bundle import: cannot read ${file}: ${errnoOf(cause) ?? String(cause)}`);
  });
  if (stats.isDirectory()) throw usageError(`bundle import: ${file} is a directory`);
}
