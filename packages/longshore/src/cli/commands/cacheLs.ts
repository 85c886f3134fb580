import type { StoreUsage } from '../../store/index.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { formatBytes } from '../render/format.ts';
import { cleanText } from '../render/text.ts';
import { storePath } from '../storePath.ts';
import { openStoreIfThere } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** What `cache ls --json` prints; its schema is `longshore schema cache-ls`. */
export interface CacheDocument extends StoreUsage {
  readonly store: string;
}

const EMPTY: StoreUsage = { references: [], blobs: 0, bytes: 0, unreferencedBytes: 0, partial: [] };

/** `longshore cache ls` */
export async function runCacheLs(context: CommandContext): Promise<number> {
  const { settings, print, complain } = context;
  const usage = await readUsage(context);
  if (settings.json === true) {
    const document: CacheDocument = { store: storePath(context), ...usage };
    await printDocument(context, document);
    return EXIT.ok;
  }
  for (const { name, descriptor, bytes } of usage.references) {
    print(`${cleanText(name)} ${descriptor.digest} ${bytes}\n`);
  }
  const unfinished = usage.partial.reduce((sum, { bytes }) => sum + bytes, 0);
  const notes = [
    `${usage.references.length} images, ${formatBytes(usage.bytes)} in ${usage.blobs} blobs`,
    ...(usage.unreferencedBytes > 0
      ? [`${formatBytes(usage.unreferencedBytes)} of them belong to no image`]
      : []),
    ...(unfinished > 0 ? [`${formatBytes(unfinished)} in unfinished downloads`] : []),
  ];
  complain(`${storePath(context)}: ${notes.join(', ')}\n`);
  return EXIT.ok;
}

async function readUsage(context: CommandContext): Promise<StoreUsage> {
  const store = await openStoreIfThere(context);
  if (store === undefined) return EMPTY;
  try {
    const { readStoreUsage } = await import('../../store/index.ts');
    return await readStoreUsage(store);
  } finally {
    await store.close();
  }
}
