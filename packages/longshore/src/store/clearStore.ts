import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LongshoreError } from '../errors.ts';
import { ownIdentity } from '../holder.ts';
import { listBlobFiles } from './blobFiles.ts';
import { listFolder, replaceFile, storeModes } from './files.ts';
import { layoutOf } from './layout.ts';
import { fileSystemNow, readRunMarks } from './runMarks.ts';
import { writeError } from './storeErrors.ts';
import { EMPTY_INDEX, isStore, notAStore, prepareStore } from './storeFormat.ts';

export interface ClearOptions {
  /**
   * Clears also while another process works on the store; what it is pulling then fails.
   * @defaultValue false
   */
  readonly force?: boolean | undefined;
}

/**
 * Removes every reference, blob and unfinished download. The store itself stays, empty.
 * @throws LongshoreError `ERR_NOT_A_STORE` for any other directory, `ERR_STORE_VERSION`,
 *   `ERR_STORE_IN_USE` while a process works on it
 */
export async function clearStore(
  path: string,
  options: ClearOptions = {},
): Promise<{ readonly blobs: number; readonly freedBytes: number }> {
  const layout = layoutOf(resolve(path));
  if (!(await isStore(layout))) throw notAStore(layout.root, 'it has no longshore.json');
  const modes = await storeModes(layout.root);
  try {
    const runs = await readRunMarks(layout, ownIdentity(), await fileSystemNow(layout));
    if (runs.oldestStartMs !== undefined && options.force !== true) throw inUse(layout.root);
    const { blobs } = await listBlobFiles(layout);
    // References first: if this is cut short, nothing points to what is gone.
    await replaceFile(layout.indexFile, EMPTY_INDEX, { mode: modes.file });
    for (const folder of [layout.refs, layout.ingest, layout.leases, layout.blobs, layout.builds]) {
      await emptyFolder(folder);
    }
    await prepareStore(layout, modes, false);
    return { blobs: blobs.length, freedBytes: blobs.reduce((sum, { size }) => sum + size, 0) };
  } catch (cause) {
    throw writeError(cause, layout.root);
  }
}

/** Leaves the folder itself, with its owner and permissions. Links are removed, not followed. */
async function emptyFolder(folder: string): Promise<void> {
  for (const name of await listFolder(folder)) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function inUse(path: string): LongshoreError {
  return new LongshoreError(`The store is in use by another process: ${path}`, {
    code: 'ERR_STORE_IN_USE',
    origin: 'store',
    hint: 'Wait until it has finished; a process that died elsewhere is forgotten after five minutes',
  });
}
