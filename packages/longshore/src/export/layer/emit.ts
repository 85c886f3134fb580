import { TarReader } from '../tar/reader.ts';
import type { ByteString, TarEntry } from '../tar/types.ts';
import type { TarMember } from '../tar/writer.ts';
import { lendPlain } from './decompress.ts';
import { NO_INODE, ROOT } from './dirents.ts';
import { inLayer, layerError } from './errors.ts';
import type { FileTree } from './fileTree.ts';
import type { InodeInfo } from './layerIndex.ts';
import type { LayerSource } from './source.ts';

/**
 * A piece of a flattened image. `data` belongs to the file member named last; pieces come in
 * ascending order, and what lies between them and up to the file's size is zeros.
 */
export type EmitItem =
  | { readonly kind: 'member'; readonly member: TarMember }
  | { readonly kind: 'data'; readonly offset: number; readonly chunk: Buffer };

export interface EmitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for each piece of a layer that was read, with its plain bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

const BATCH = 512;

/**
 * Everything that survives, each inode once: the root, then directories (parents first), links,
 * devices and empty files by name, then files in the order in which their layers hold them, then
 * second names of files as hard links. So every converter gets a parent before its children and
 * a file before the links to it: squashfs-tools 4.5 crashes on a link that comes first.
 *
 * Each layer is read once more, and only as far as it holds a file that survives. The data of a
 * batch is the caller's until the next batch is asked for.
 */
export async function* emitTree(
  tree: FileTree,
  sources: readonly LayerSource[],
  options: EmitOptions = {},
): AsyncGenerator<readonly EmitItem[]> {
  const first = new Int32Array(tree.inodeCount);
  yield* inBatches(emitWithoutData(tree, first));
  for (const [layer, source] of sources.entries()) {
    try {
      yield* emitFiles({ tree, first, layer, source }, options);
    } catch (error) {
      throw inLayer(source.descriptor.digest, error);
    }
  }
  yield* inBatches(emitHardLinks(tree, first));
}

/** The names of a tree, parents before children and siblings by their bytes. */
function* walk(tree: FileTree): Generator<{ node: number; path: ByteString }> {
  const { dirents } = tree;
  const stack: { node: number; path: ByteString }[] = [{ node: ROOT, path: '' }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    yield at;
    const prefix = at.path === '' ? '' : `${at.path}/`;
    const children = Array.from(dirents.children(at.node), (node) => ({
      node,
      path: prefix + dirents.name(node),
    }));
    children.sort((a, b) => (a.path < b.path ? 1 : -1));
    // Not spread into one call: a directory may have more children than the stack has room.
    for (const child of children) stack.push(child);
  }
}

function* emitWithoutData(tree: FileTree, first: Int32Array): Generator<EmitItem> {
  for (const { node, path } of walk(tree)) {
    const inode = tree.dirents.inode(node);
    const info = tree.info(node);
    if (inode !== NO_INODE && info.type !== 'directory') {
      if (first[inode] !== 0) continue;
      first[inode] = node;
      if (info.type === 'file' && info.size > 0) continue;
    }
    yield { kind: 'member', member: toMember(path, info) };
  }
}

function* emitHardLinks(tree: FileTree, first: Int32Array): Generator<EmitItem> {
  for (const { node, path } of walk(tree)) {
    const inode = tree.dirents.inode(node);
    if (inode === NO_INODE || node === ROOT) continue;
    const owner = first[inode] ?? 0;
    // Directories are not in the list: they have one name each.
    if (owner === 0 || owner === node) continue;
    const info = tree.info(node);
    const linkPath = tree.dirents.path(owner);
    yield {
      kind: 'member',
      member: { ...toMember(path, info), type: 'hardlink', size: 0, linkPath, xattrs: undefined },
    };
  }
}

function* inBatches(items: Iterable<EmitItem>): Generator<readonly EmitItem[]> {
  let batch: EmitItem[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface LayerAt {
  readonly tree: FileTree;
  readonly first: Int32Array;
  readonly layer: number;
  readonly source: LayerSource;
}

async function* emitFiles(at: LayerAt, options: EmitOptions): AsyncGenerator<readonly EmitItem[]> {
  const picker = new FilePicker(at);
  if (picker.left === 0) return;
  const reader = new TarReader(picker);
  for await (const chunk of lendPlain(at.source, options.signal)) {
    options.signal?.throwIfAborted();
    reader.write(chunk);
    options.onBytes?.(chunk.length);
    const items = picker.take();
    if (items.length > 0) yield items;
    if (picker.isDone) return;
  }
  throw layerError('CHANGED', 'It changed between its two readings: files of it are missing');
}

/** Picks the files that survive out of a layer's second reading. */
class FilePicker {
  readonly #at: LayerAt;
  /** Files of the layer that survive with data and are still to come. */
  left = 0;
  #entry = -1;
  #items: EmitItem[] = [];
  #runs: readonly { offset: number; bytes: number }[] | undefined;
  #run = 0;
  #inRun = 0;
  #dataLeft = 0;

  constructor(at: LayerAt) {
    this.#at = at;
    const { tree, first, layer } = at;
    const index = tree.layers[layer];
    for (let entry = 0; entry < (index?.length ?? 0); entry++) {
      const survives = first[tree.inodeOf(layer, entry)] !== 0;
      if (survives && index?.type(entry) === 'file' && index.size(entry) > 0) this.left++;
    }
  }

  get isDone(): boolean {
    return this.left === 0 && this.#dataLeft === 0;
  }

  take(): readonly EmitItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  onEntry(entry: TarEntry): void {
    this.#entry++;
    this.#dataLeft = 0;
    if (entry.type !== 'file' || entry.size === 0) return;
    const { tree, first, layer } = this.#at;
    const node = first[tree.inodeOf(layer, this.#entry)] ?? 0;
    if (node === 0) return;
    const info = tree.info(node);
    if (info.size !== entry.size)
      throw layerError('CHANGED', 'It changed between its two readings');
    this.left--;
    this.#runs = entry.sparse ?? [{ offset: 0, bytes: entry.size }];
    this.#dataLeft = this.#runs.reduce((sum, run) => sum + run.bytes, 0);
    this.#run = 0;
    this.#inRun = 0;
    this.#items.push({ kind: 'member', member: toMember(tree.dirents.path(node), info) });
  }

  onData(chunk: Buffer): void {
    if (this.#dataLeft === 0) return;
    this.#dataLeft -= chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const run = this.#runs?.[this.#run];
      if (run === undefined) return;
      const bytes = Math.min(chunk.length - at, run.bytes - this.#inRun);
      if (bytes > 0) {
        const piece = chunk.subarray(at, at + bytes);
        this.#items.push({ kind: 'data', offset: run.offset + this.#inRun, chunk: piece });
      }
      at += bytes;
      this.#inRun += bytes;
      if (this.#inRun === run.bytes) {
        this.#run++;
        this.#inRun = 0;
      }
    }
  }
}

function toMember(path: ByteString, info: InodeInfo): TarMember {
  return { path, ...info };
}
