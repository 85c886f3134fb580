import type { Found } from './layers.ts';

/** One entry of a layer, for the generator and for the model. */
export type Op =
  | { readonly op: 'file'; readonly path: string; readonly data: string; readonly mode: number }
  | { readonly op: 'dir'; readonly path: string; readonly mode: number }
  | { readonly op: 'symlink'; readonly path: string; readonly target: string }
  | { readonly op: 'hardlink'; readonly path: string; readonly target: string }
  | { readonly op: 'whiteout'; readonly path: string }
  | { readonly op: 'opaque'; readonly path: string };

interface Inode {
  readonly type: string;
  readonly mode: number;
  readonly data?: string;
  readonly link?: string;
}

const split = (path: string): [string, string] => {
  const at = path.lastIndexOf('/');
  return at < 0 ? ['', path] : [path.slice(0, at), path.slice(at + 1)];
};
const join = (a: string, b: string): string => (a === '' ? b : `${a}/${b}`);

/**
 * The reference: a flat map of whole paths, every question answered by looking through all of it.
 * Slow and plain; throws a plain `Error` where an image has to be refused.
 */
export class Model {
  #all = new Map<string, Inode>();
  #upper = new Set<string>();

  layer(ops: readonly Op[]): void {
    this.#upper = new Set();
    for (const op of ops) this.#apply(op);
  }

  #apply(op: Op): void {
    if (op.op === 'opaque') {
      const directory = this.#follow(op.path, 0);
      if (directory === undefined || this.#all.get(directory)?.type === 'file') return;
      if (directory !== '' && this.#all.get(directory)?.type !== 'directory') return;
      this.#removeLower((path) => directory === '' || path.startsWith(`${directory}/`));
      return;
    }
    const [parentText, name] = split(op.path);
    if (op.op === 'whiteout') {
      const parent = this.#follow(parentText, 0);
      if (parent === undefined) return;
      const gone = join(parent, name);
      this.#removeLower((path) => path === gone || path.startsWith(`${gone}/`));
      return;
    }
    const path = join(this.#makeParents(parentText), name);
    const old = this.#all.get(path);
    if (op.op === 'hardlink') this.#hardlink(path, op.target);
    else {
      if (!(op.op === 'dir' && old?.type === 'directory')) this.#remove(path);
      this.#all.set(path, toInode(op));
    }
    this.#touch(path);
  }

  /** What is at the path goes first, and may have been on the way to the target. */
  #hardlink(path: string, text: string): void {
    this.#remove(path);
    const [parentText, name] = split(text);
    const parent = this.#follow(parentText, 0);
    const inode = parent === undefined ? undefined : this.#all.get(join(parent, name));
    if (inode === undefined || inode.type === 'directory') throw new Error('dead link');
    this.#all.set(path, inode);
  }

  #touch(path: string): void {
    for (let at = path; at !== ''; [at] = split(at)) this.#upper.add(at);
  }

  #remove(path: string): void {
    for (const other of this.#all.keys()) {
      if (other !== path && !other.startsWith(`${path}/`)) continue;
      this.#all.delete(other);
      this.#upper.delete(other);
    }
  }

  #removeLower(matches: (path: string) => boolean): void {
    for (const path of this.#all.keys()) {
      if (matches(path) && !this.#upper.has(path)) this.#all.delete(path);
    }
  }

  /** Real path of a directory, or `undefined`; throws on circles. */
  #follow(text: string, depth: number): string | undefined {
    return this.#walk(text, '', depth, false);
  }

  #makeParents(text: string): string {
    return this.#walk(text, '', 0, true) ?? '';
  }

  #walk(text: string, from: string, depth: number, create: boolean): string | undefined {
    let at = from;
    for (const part of text.split('/')) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        [at] = split(at);
        continue;
      }
      const next = join(at, part);
      const inode = this.#all.get(next);
      if (inode === undefined) {
        if (!create) return undefined;
        this.#all.set(next, { type: 'directory', mode: 0o755 });
        at = next;
      } else if (inode.type === 'directory') at = next;
      else if (inode.type === 'symlink') {
        if (depth > 40) throw new Error('circle');
        const target = inode.link ?? '';
        const found = this.#walk(target, target.startsWith('/') ? '' : at, depth + 1, create);
        if (found === undefined) return undefined;
        at = found;
      } else if (create) throw new Error('through a file');
      else return undefined;
    }
    return at;
  }

  result(): Map<string, Found> {
    const names = new Map<Inode, string[]>();
    for (const [path, inode] of this.#all) {
      names.set(inode, [...(names.get(inode) ?? []), path].sort());
    }
    const result = new Map<string, Found>();
    for (const [path, inode] of this.#all) {
      const all = names.get(inode) ?? [];
      result.set(path, { ...inode, uid: 0, ...(all.length > 1 ? { names: all } : {}) });
    }
    return result;
  }
}

function toInode(op: Exclude<Op, { op: 'hardlink' | 'whiteout' | 'opaque' }>): Inode {
  if (op.op === 'file') return { type: 'file', mode: op.mode, data: op.data };
  if (op.op === 'dir') return { type: 'directory', mode: op.mode };
  return { type: 'symlink', mode: 0o777, link: op.target };
}
