import type { ByteString } from '../tar/types.ts';
import { columns, TextPool } from './columns.ts';
import { tooManyEntries } from './limits.ts';

/** What a name leads to. `dead` names were removed; their place is used again for the same name. */
export const DEAD = 0;
export const DIRECTORY = 1;
export const SYMLINK = 2;
export const OTHER = 3;
export type NodeKind = typeof DEAD | typeof DIRECTORY | typeof SYMLINK | typeof OTHER;

/** The root's number, and in lists of children the end of the list. */
export const ROOT = 0;
/** The inode of a directory that no layer has an entry for. */
export const NO_INODE = -1;

/**
 * Names in directories: who is in which, and which inode it stands for. Kept as columns of
 * numbers with one hash table for all directories, because a map for each directory costs 200 B
 * before its first name, and an image of nothing but nested directories would have a million.
 */
export class Dirents {
  readonly #maxNodes: number;
  readonly #names = new TextPool();
  readonly #nameStart = columns.u32();
  readonly #nameLength = columns.u8();
  readonly #parent = columns.i32();
  readonly #inode = columns.i32();
  readonly #kind = columns.u8();
  /** Number of the last layer that made or changed it or anything below it; 0 for none. */
  readonly #touched = columns.u16();
  readonly #pathLength = columns.u16();
  readonly #firstChild = columns.i32();
  readonly #next = columns.i32();
  readonly #previous = columns.i32();
  #table = new Int32Array(256);

  constructor(maxNodes: number) {
    this.#maxNodes = maxNodes;
    this.#append(ROOT, '', 0);
    this.#kind.set(ROOT, DIRECTORY);
  }

  /** Names that are there or were there. */
  get count(): number {
    return this.#kind.length;
  }

  kind(node: number): NodeKind {
    return this.#kind.at(node) as NodeKind;
  }

  inode(node: number): number {
    return this.#inode.at(node);
  }

  parent(node: number): number {
    return this.#parent.at(node);
  }

  name(node: number): ByteString {
    const start = this.#nameStart.at(node);
    return this.#names.text(start, start + this.#nameLength.at(node));
  }

  path(node: number): ByteString {
    const parts: string[] = [];
    for (let at = node; at !== ROOT; at = this.parent(at)) parts.push(this.name(at));
    return parts.toReversed().join('/');
  }

  pathLength(node: number): number {
    return this.#pathLength.at(node);
  }

  *children(node: number): Generator<number> {
    for (let at = this.#firstChild.at(node); at !== ROOT; ) {
      const next = this.#next.at(at);
      yield at;
      at = next;
    }
  }

  /** The living child of that name. */
  find(parent: number, name: ByteString): number | undefined {
    const node = this.#lookUp(parent, name);
    return node === undefined || this.kind(node) === DEAD ? undefined : node;
  }

  /** Makes the name lead to the inode. It must not be there, or be of the same kind. */
  place(parent: number, name: ByteString, to: { kind: NodeKind; inode: number }): number {
    const known = this.#lookUp(parent, name);
    const pathLength = this.pathLength(parent) + name.length + 1;
    const node = known ?? this.#append(parent, name, pathLength);
    if (known === undefined) this.#register(node);
    if (this.kind(node) === DEAD) this.#attach(node, parent);
    this.#kind.set(node, to.kind);
    this.#inode.set(node, to.inode);
    return node;
  }

  setInode(node: number, inode: number): void {
    this.#inode.set(node, inode);
  }

  /** Marks the node and all above it as belonging to the layer. */
  touch(node: number, layer: number): void {
    for (let at = node; this.#touched.at(at) !== layer; at = this.parent(at)) {
      this.#touched.set(at, layer);
      if (at === ROOT) return;
    }
  }

  isTouched(node: number, layer: number): boolean {
    return this.#touched.at(node) === layer;
  }

  /** Removes the name and all below it. */
  remove(node: number): void {
    this.#detach(node);
    const stack = [node];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const child of this.children(at)) stack.push(child);
      this.#kind.set(at, DEAD);
      this.#touched.set(at, 0);
      this.#firstChild.set(at, ROOT);
    }
  }

  #append(parent: number, name: ByteString, pathLength: number): number {
    if (this.count >= this.#maxNodes) throw tooManyEntries(this.#maxNodes);
    const node = this.count;
    this.#nameStart.push(this.#names.add(name));
    this.#nameLength.push(name.length);
    this.#parent.push(parent);
    this.#inode.push(NO_INODE);
    this.#kind.push(DEAD);
    this.#touched.push(0);
    this.#pathLength.push(pathLength);
    this.#firstChild.push(ROOT);
    this.#next.push(ROOT);
    this.#previous.push(ROOT);
    return node;
  }

  #attach(node: number, parent: number): void {
    const first = this.#firstChild.at(parent);
    this.#next.set(node, first);
    this.#previous.set(node, ROOT);
    if (first !== ROOT) this.#previous.set(first, node);
    this.#firstChild.set(parent, node);
  }

  #detach(node: number): void {
    const next = this.#next.at(node);
    const previous = this.#previous.at(node);
    if (next !== ROOT) this.#previous.set(next, previous);
    if (previous === ROOT) this.#firstChild.set(this.parent(node), next);
    else this.#next.set(previous, next);
  }

  #lookUp(parent: number, name: ByteString): number | undefined {
    const mask = this.#table.length - 1;
    for (let slot = hash(parent, name) & mask; ; slot = (slot + 1) & mask) {
      const node = this.#table[slot] ?? 0;
      // The root has no name to be found by, so its number marks a free slot.
      if (node === ROOT) return undefined;
      if (
        this.parent(node) === parent &&
        this.#nameLength.at(node) === name.length &&
        this.#names.equals(this.#nameStart.at(node), name)
      ) {
        return node;
      }
    }
  }

  #register(node: number): void {
    if (this.count * 4 > this.#table.length * 3) this.#rehash();
    else insert(this.#table, hash(this.parent(node), this.name(node)), node);
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2);
    for (let node = 1; node < this.count; node++) {
      insert(table, hash(this.parent(node), this.name(node)), node);
    }
    this.#table = table;
  }
}

function insert(table: Int32Array, at: number, node: number): void {
  const mask = table.length - 1;
  let slot = at & mask;
  while (table[slot] !== ROOT) slot = (slot + 1) & mask;
  table[slot] = node;
}

/** FNV-1a, then mixed: directories count up, and plain FNV keeps such runs together. */
function hash(parent: number, name: string): number {
  let value = 0x811c9dc5 ^ parent;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
