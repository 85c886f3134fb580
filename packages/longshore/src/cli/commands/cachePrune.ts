import type { PruneResult } from '../../store/index.ts';
import { printDocument } from '../documents.ts';
import { EXIT } from '../exitCodes.ts';
import { withInterrupts } from '../interrupts.ts';
import { formatBytes, formatCount } from '../render/format.ts';
import { cleanText } from '../render/text.ts';
import { storePath } from '../storePath.ts';
import { openStoreIfThere } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** What `cache prune --json` prints; its schema is `longshore schema cache-prune`. */
export interface PruneDocument extends PruneResult {
  readonly store: string;
}

/** `longshore cache prune`; stdout has the names of the images that went, one a line. */
export async function runCachePrune(context: CommandContext): Promise<number> {
  const { settings, print, complain } = context;
  const result = await prune(context);
  if (settings.json === true) {
    const document: PruneDocument = { store: storePath(context), ...result };
    await printDocument(context, document);
    return EXIT.ok;
  }
  for (const { name } of result.references) print(`${cleanText(name)}\n`);
  const what = [
    formatCount(result.references.length, 'image'),
    formatCount(result.blobs.length, 'blob'),
    formatCount(result.leftovers.length, 'unfinished download'),
  ].join(', ');
  const verb = result.dryRun ? 'Would remove' : 'Removed';
  const held =
    result.heldBackBytes > 0
      ? `; ${formatBytes(result.heldBackBytes)} came within the last hour or while a run goes on, and wait until no run can need them (longshore cache clear removes everything now)`
      : '';
  complain(
    `${verb} ${what}: ${formatBytes(result.freedBytes)} freed, ${formatBytes(result.keptBytes)} kept${held}\n`,
  );
  return EXIT.ok;
}

async function prune(context: CommandContext): Promise<PruneResult> {
  const { settings, host } = context;
  const dryRun = settings['dry-run'] ?? false;
  const store = await openStoreIfThere(context);
  if (store === undefined) {
    const nothing = { references: [], blobs: [], leftovers: [] };
    return { dryRun, ...nothing, freedBytes: 0, keptBytes: 0, heldBackBytes: 0 };
  }
  try {
    const { pruneStore } = await import('../../store/index.ts');
    return await withInterrupts(host, (signal) =>
      pruneStore(store, {
        maxSizeBytes: settings['max-size'],
        unusedForMs: settings['unused-for'],
        dryRun,
        signal,
      }),
    );
  } finally {
    await store.close();
  }
}
