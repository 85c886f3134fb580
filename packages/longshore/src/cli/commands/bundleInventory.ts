import path from 'node:path';
import { EXIT } from '../exitCodes.ts';
import { openStoreIfThere } from '../stores.ts';
import { checkFilePath, writeWhole } from '../wholeFile.ts';
import type { CommandContext } from './context.ts';

/** `longshore bundle inventory` */
export async function runBundleInventory(context: CommandContext): Promise<number> {
  const { settings, places, print } = context;
  const output =
    settings.output === undefined ? undefined : path.resolve(places.cwd, settings.output);
  if (output !== undefined) await checkFilePath('--output', output);
  const text = await readInventory(context);
  if (output === undefined) print(text);
  else await writeWhole(output, text);
  return EXIT.ok;
}

/** Of a store that is not there yet: nothing, which is what it has. */
async function readInventory(context: CommandContext): Promise<string> {
  const store = await openStoreIfThere(context);
  if (store === undefined) return '';
  try {
    const { formatInventory } = await import('../../export/index.ts');
    return await formatInventory(store);
  } finally {
    await store.close();
  }
}
