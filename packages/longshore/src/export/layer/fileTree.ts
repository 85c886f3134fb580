import { showName } from '../tar/errors.ts';
import type { ByteString } from '../tar/types.ts';
import { columns } from './columns.ts';
import { DIRECTORY, Dirents, NO_INODE, type NodeKind, OTHER, ROOT, SYMLINK } from './dirents.ts';
import { layerError } from './errors.ts';
import type { InodeInfo, LayerIndex } from './layerIndex.ts';
import { MAX_PATH_BYTES, splitLast } from './path.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** What AUFS kept for itself, and old Dockers let through. */
const AUFS_OWN = '.wh..wh.';
/** As Linux: beyond, every access to the path would fail with ELOOP. */
const MAX_SYMLINKS = 40;
const MAX_LINK_BYTES = 4095;
const MAX_LAYERS = 0xffff;

/** What a directory is like that no layer describes. */
const IMPLIED: InodeInfo = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  linkPath: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: undefined,
};

/** Where an inode comes from. */
export interface InodeOrigin {
  /** Place of the layer among those applied. */
  readonly layer: number;
  /** Place of its entry in that layer. */
  readonly entry: number;
}

/**
 * The file system that layers make, held in memory as names and headers. Layers are applied
 * oldest first, each as if unpacked over the last one: whiteouts and opaque marks take away what
 * is below and never what their own layer has brought, a hard link binds to the inode that its
 * target is at that moment, symlinks in parents are followed inside this tree and nowhere else.
 */
export class FileTree {
  readonly #dirents: Dirents;
  readonly #layers: LayerIndex[] = [];
  /** Number of the first inode of each layer: an entry's inode is that plus its place. */
  readonly #base = columns.u32();
  #inodes = 0;
  /** Steps of path resolution that are left; a tree of symlinks could else keep us busy for days. */
  #steps = 0;

  constructor(maxEntries: number) {
    this.#dirents = new Dirents(maxEntries);
  }

  get dirents(): Dirents {
    return this.#dirents;
  }

  /** Inodes of all layers, lost ones counted. */
  get inodeCount(): number {
    return this.#inodes;
  }

  /** Bytes of the layers' entries were they all kept; for progress. */
  get layers(): readonly LayerIndex[] {
    return this.#layers;
  }

  /**
   * Lays a layer over the tree.
   * @throws LongshoreError `ERR_LAYER_LINK` (hard link to nothing or to a directory),
   *   `ERR_LAYER_PARENT` (a file where a directory has to be), `ERR_LAYER_LOOP`, `ERR_LAYER_PATH`,
   *   `ERR_LAYER_WHITEOUT`, `ERR_LIMIT_ENTRIES`
   */
  apply(layer: LayerIndex): void {
    if (this.#layers.length >= MAX_LAYERS) throw layerError('COUNT', 'There are too many layers');
    this.#base.push(this.#inodes);
    this.#layers.push(layer);
    this.#steps = 10_000_000 + 200 * layer.length;
    for (let entry = 0; entry < layer.length; entry++) this.#applyEntry(layer, entry);
    this.#inodes += layer.length;
  }

  /** What the name's inode is like. */
  info(node: number): InodeInfo {
    const inode = this.#dirents.inode(node);
    if (inode === NO_INODE) return IMPLIED;
    const { layer, entry } = this.origin(inode);
    return this.#layers[layer]?.info(entry) ?? IMPLIED;
  }

  origin(inode: number): InodeOrigin {
    let layer = this.#base.length - 1;
    while (layer > 0 && this.#base.at(layer) > inode) layer--;
    return { layer, entry: inode - this.#base.at(layer) };
  }

  inodeOf(layer: number, entry: number): number {
    return this.#base.at(layer) + entry;
  }

  /** The name at a clean path, links in its parents followed, its last part not. */
  find(path: ByteString): number | undefined {
    this.#steps = 1_000_000;
    return this.#find(path);
  }

  #find(path: ByteString): number | undefined {
    if (path === '') return ROOT;
    const { directory, name } = splitLast(path);
    const parent = this.#resolve(directory, false);
    return parent === undefined ? undefined : this.#dirents.find(parent, name);
  }

  #applyEntry(layer: LayerIndex, entry: number): void {
    const path = layer.path(entry);
    const type = layer.type(entry);
    const inode = this.#inodes + entry;
    if (path === '') {
      if (type !== 'directory') throw layerError('PATH', 'The root of the image is no directory');
      this.#dirents.setInode(ROOT, inode);
      return;
    }
    const { directory, name } = splitLast(path);
    if (name.startsWith(WHITEOUT)) return this.#whiteOut(directory, name);
    const parent = this.#resolve(directory, true) ?? ROOT;
    this.#checkLength(parent, name);
    const node =
      type === 'hardlink'
        ? this.#link({ parent, name, path, target: layer.linkPath(entry) })
        : this.#put(parent, name, { kind: this.#kindOf(layer, entry), inode });
    this.#dirents.touch(node, this.#layers.length);
  }

  #kindOf(layer: LayerIndex, entry: number): NodeKind {
    const type = layer.type(entry);
    if (type === 'directory') return DIRECTORY;
    if (type !== 'symlink') return OTHER;
    const target = layer.linkPath(entry);
    if (target === '' || target.length > MAX_LINK_BYTES || target.includes('\0')) {
      throw layerError(
        'LINK',
        `The symlink ${showName(layer.path(entry))} has no target that Linux could have`,
      );
    }
    return SYMLINK;
  }

  /** Directories over directories keep what is in them; all else replaces what was there. */
  #put(parent: number, name: ByteString, to: { kind: NodeKind; inode: number }): number {
    const existing = this.#dirents.find(parent, name);
    const merges = to.kind === DIRECTORY && this.#isDirectory(existing);
    if (existing !== undefined && !merges) this.#dirents.remove(existing);
    return this.#dirents.place(parent, name, to);
  }

  #isDirectory(node: number | undefined): boolean {
    return node !== undefined && this.#dirents.kind(node) === DIRECTORY;
  }

  #link(link: { parent: number; name: string; path: string; target: string }): number {
    const target = this.#find(link.target);
    const existing = this.#dirents.find(link.parent, link.name);
    if (target === undefined) throw this.#deadLink(link, 'is not there');
    if (target === existing) throw this.#deadLink(link, 'is its own name');
    const kind = this.#dirents.kind(target);
    if (kind === DIRECTORY) throw this.#deadLink(link, 'is a directory');
    const inode = this.#dirents.inode(target);
    if (existing !== undefined) this.#dirents.remove(existing);
    if (this.#find(link.target) !== target) throw this.#deadLink(link, 'is replaced by the link');
    return this.#dirents.place(link.parent, link.name, { kind, inode });
  }

  #deadLink(link: { path: string; target: string }, reason: string): Error {
    return layerError(
      'LINK',
      `The hard link ${showName(link.path)} has the target ${showName(link.target)}, which ${reason}`,
    );
  }

  #whiteOut(directory: ByteString, name: ByteString): void {
    const removed = name.slice(WHITEOUT.length);
    if (removed === '' || removed === '.' || removed === '..') {
      throw layerError(
        'WHITEOUT',
        `The whiteout ${showName(`${directory}/${name}`)} names no file`,
      );
    }
    const parent = this.#resolve(directory, false);
    if (parent === undefined) return;
    if (name === OPAQUE) {
      for (const child of this.#dirents.children(parent)) this.#removeOlder(child);
      return;
    }
    if (name.startsWith(AUFS_OWN)) return;
    const node = this.#dirents.find(parent, removed);
    if (node !== undefined) this.#removeOlder(node);
  }

  /** Removes what the present layer has not brought: in a layer, whiteouts may stand anywhere. */
  #removeOlder(top: number): void {
    const stack = [top];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (!this.#dirents.isTouched(node, this.#layers.length)) this.#dirents.remove(node);
      else for (const child of this.#dirents.children(node)) stack.push(child);
    }
  }

  /** Follows a path to a directory, and makes what is missing when `create` is set. */
  #resolve(path: ByteString, create: boolean): number | undefined {
    if (path === '') return ROOT;
    const todo = path.split('/').toReversed();
    let at = ROOT;
    let links = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (this.#steps-- <= 0) throw layerError('LOOP', 'Its symlinks lead through each other');
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = this.#dirents.parent(at);
        continue;
      }
      const next = this.#dirents.find(at, part);
      if (next === undefined) {
        if (!create) return undefined;
        this.#checkLength(at, part);
        at = this.#dirents.place(at, part, { kind: DIRECTORY, inode: NO_INODE });
        continue;
      }
      const kind = this.#dirents.kind(next);
      if (kind === DIRECTORY) at = next;
      else if (kind === SYMLINK) {
        if (++links > MAX_SYMLINKS) throw layerError('LOOP', `${showName(path)} leads in circles`);
        const target = this.info(next).linkPath;
        if (target.startsWith('/')) at = ROOT;
        todo.push(...target.split('/').toReversed());
      } else if (create) {
        throw layerError(
          'PARENT',
          `${showName(path)} has names below it, and ${showName(part)} is a file`,
        );
      } else return undefined;
    }
    return at;
  }

  #checkLength(parent: number, name: ByteString): void {
    if (name.length > 255) throw layerError('PATH', `A link leads to the name ${showName(name)}`);
    if (this.#dirents.pathLength(parent) + name.length + 1 <= MAX_PATH_BYTES + 1) return;
    throw layerError('PATH', `Links lead to a path longer than ${MAX_PATH_BYTES} bytes`);
  }
}
