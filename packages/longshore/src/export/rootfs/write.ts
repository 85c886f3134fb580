import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { errnoOf, LongshoreError } from '../../errors.ts';
import { diskError, partialName } from '../disk.ts';
import type { ExportNote } from '../events.ts';
import { type EmitItem, type EmitOptions, emitTree } from '../layer/emit.ts';
import type { FileTree } from '../layer/fileTree.ts';
import type { LayerSource } from '../layer/source.ts';
import { RootfsWriter } from './writer.ts';

export interface WriteRootfsOptions extends EmitOptions {
  /**
   * Whether files get the owners that the image names; only root can do that. Else all belong to
   * the caller, who can read, write and remove everything, and set-uid bits are dropped.
   * @defaultValue true for root
   */
  readonly keepOwners?: boolean | undefined;
}

/**
 * Unpacks a flattened image into a directory that is empty or not there. Nothing can be written
 * outside of it: every path comes from the tree in memory, of which the parents are directories
 * that this call has made a moment ago, and no file is opened that exists or is a link. So links
 * of the image are never followed on the host, not even wrong ones.
 * @throws LongshoreError `ERR_OUTPUT_EXISTS`, `ERR_OUTPUT_WRITE`, `ERR_DISK_FULL`
 */
export async function writeRootfs(
  content: { readonly tree: FileTree; readonly sources: readonly LayerSource[] },
  directory: string,
  options: WriteRootfsOptions = {},
): Promise<{ readonly notes: ExportNote[]; readonly bytes: number }> {
  await refuseFull(directory);
  const partial = partialName(directory);
  const keepOwners = options.keepOwners ?? process.geteuid?.() === 0;
  try {
    // Not readable by others before the modes of the image are in place.
    await mkdir(partial, { mode: 0o700 });
    const result = await writeAll(content, new RootfsWriter(partial, keepOwners), options);
    await removeEmpty(directory);
    await rename(partial, directory);
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw diskError(directory, error);
  }
}

async function writeAll(
  content: { readonly tree: FileTree; readonly sources: readonly LayerSource[] },
  writer: RootfsWriter,
  options: EmitOptions,
): Promise<{ readonly notes: ExportNote[]; readonly bytes: number }> {
  try {
    for await (const items of emitTree(content.tree, content.sources, options)) {
      for (const item of items) await writeItem(writer, item);
    }
    return await writer.finish();
  } finally {
    await writer.abandon();
  }
}

function writeItem(writer: RootfsWriter, item: EmitItem): Promise<void> {
  return item.kind === 'data' ? writer.data(item) : writer.member(item.member);
}

async function refuseFull(directory: string): Promise<void> {
  try {
    if ((await readdir(directory)).length === 0) return;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'ENOTDIR') throw diskError(directory, error);
  }
  throw new LongshoreError(`${directory} is there already and is not an empty directory`, {
    code: 'ERR_OUTPUT_EXISTS',
    origin: 'input',
    hint: 'Remove it, or name another directory',
  });
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
