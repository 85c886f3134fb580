import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import { askYesNo } from '../prompt.ts';
import { formatBytes, formatCount } from '../render/format.ts';
import { storePath } from '../storePath.ts';
import { openStoreIfThere } from '../stores.ts';
import type { CommandContext } from './context.ts';

/** `longshore cache clear` */
export async function runCacheClear(context: CommandContext): Promise<number> {
  const { settings, host, complain } = context;
  const path = storePath(context);
  const store = await openStoreIfThere(context);
  await store?.close();
  if (store === undefined) {
    complain(`There is no store at ${path}\n`);
    return EXIT.ok;
  }
  if (settings.yes !== true) {
    if (host.stdin.isTTY !== true) {
      throw usageError(`cache clear: it would remove everything in ${path}`, 'Say so with --yes');
    }
    const sure = await askYesNo(host, `Remove everything in ${path}? [y/N] `);
    if (!sure) {
      complain('Nothing was removed\n');
      return EXIT.ok;
    }
  }
  const { clearStore } = await import('../../store/index.ts');
  const { blobs, freedBytes } = await clearStore(path);
  complain(`Removed ${formatCount(blobs, 'blob')}: ${formatBytes(freedBytes)} freed\n`);
  return EXIT.ok;
}
