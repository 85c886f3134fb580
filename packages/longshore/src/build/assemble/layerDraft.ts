import { type ByteName, compareNames, joinName } from '../context/names.ts';
import { type SourceNode, show } from '../context/sourceTree.ts';
import { instructionError } from './errors.ts';
import type { StageTree } from './stageTree.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

/** What one instruction adds to its stage: the members of a layer, before their bytes are read. */
export class LayerDraft {
  readonly #tree: StageTree;
  readonly #members = new Map<ByteName, SourceNode>();

  constructor(tree: StageTree) {
    this.#tree = tree;
  }

  get tree(): StageTree {
    return this.#tree;
  }

  /** By path: each directory before what is in it. */
  members(): readonly (readonly [ByteName, SourceNode])[] {
    return [...this.#members].sort(([a], [b]) => compareNames(a, b));
  }

  /** Makes a directory and those above it where they are missing, `0755`, as `mkdir -p` does. */
  makeDirectory(path: ByteName, owner: Owner): void {
    let at: ByteName = '';
    for (const part of path.split('/')) {
      if (part === '') continue;
      at = joinName(at, part);
      const node = this.#tree.look(at);
      if (node?.type === 'directory') continue;
      if (node !== undefined) throw instructionError(`${show(at)} is there and no directory`);
      this.#add(at, { ...EMPTY, ...owner, type: 'directory', mode: 0o755 });
    }
  }

  /**
   * Puts a file, link or directory at a path of which the parents are there.
   * @throws LongshoreError where a directory would have to give way to a file or the other way round
   */
  put(path: ByteName, node: SourceNode): void {
    const there = path === '' ? undefined : this.#tree.look(path);
    const wasDirectory = there?.type === 'directory';
    if (there !== undefined && wasDirectory !== (node.type === 'directory')) {
      const [is, comes] = wasDirectory ? ['a directory', node.type] : [there.type, 'a directory'];
      throw instructionError(
        `${show(`/${path}`)} is ${is} in the image, ${comes} cannot take its place`,
        'Name the path that the image really has, or remove one of them',
      );
    }
    this.#add(path, node);
  }

  #add(path: ByteName, node: SourceNode): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name.startsWith('.wh.')) {
      throw instructionError(
        `${show(path)} cannot be in an image: a layer means the removal of a file by such a name`,
        'Rename it, or leave it out with a .dockerignore',
      );
    }
    this.#members.set(path, node);
    this.#tree.put(path, node);
  }
}

const EMPTY: Omit<SourceNode, 'type' | 'mode' | 'uid' | 'gid'> = {
  mtime: 0,
  size: 0,
  linkPath: '',
};
