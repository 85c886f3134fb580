import type { FileTree, LayerSource } from '../../export/index.ts';
import { type ByteName, compareNames, joinName } from '../context/names.ts';
import { type Archive, type SourceNode, type SourceTree, show } from '../context/sourceTree.ts';
import { instructionError } from './errors.ts';

/** The file system of a base image, with what is needed to read its files again. */
export interface BaseFiles {
  readonly tree: FileTree;
  readonly layers: readonly LayerSource[];
}

const MAX_LINKS = 40;

/**
 * What a stage's file system holds: that of its base, and over it what its instructions have put
 * there. Nothing is ever removed, for no instruction but RUN could.
 */
export class StageTree implements SourceTree {
  readonly name: string;
  readonly #base: BaseFiles | undefined;
  readonly #archives: readonly Archive[];
  readonly #own = new Map<ByteName, SourceNode>();
  readonly #children = new Map<ByteName, Set<ByteName>>();

  constructor(name: string, base: BaseFiles | undefined) {
    this.name = name;
    this.#base = base;
    this.#archives = (base?.layers ?? []).map(toArchive);
  }

  /** A copy for a stage that goes on from this one. */
  fork(name: string): StageTree {
    const copy = new StageTree(name, this.#base);
    for (const [path, node] of this.#own) copy.put(path, node);
    return copy;
  }

  async stat(path: ByteName): Promise<SourceNode | undefined> {
    return this.look(path);
  }

  async list(path: ByteName): Promise<readonly ByteName[]> {
    const names = new Set(this.#children.get(path));
    const { tree } = this.#base ?? {};
    const below = tree?.find(path);
    if (tree !== undefined && below !== undefined) {
      for (const child of tree.dirents.children(below)) names.add(tree.dirents.name(child));
    }
    return [...names].sort(compareNames);
  }

  look(path: ByteName): SourceNode | undefined {
    if (path === '') return ROOT_NODE;
    return this.#own.get(path) ?? this.#ofBase(path);
  }

  put(path: ByteName, node: SourceNode): void {
    this.#own.set(path, node);
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    const names = this.#children.get(directory);
    const name = path.slice(slash + 1);
    if (names === undefined) this.#children.set(directory, new Set([name]));
    else names.add(name);
  }

  /**
   * Where a path leads in this tree, links followed, also in what does not exist yet. `..` stops at
   * the root, as in a container.
   * @throws LongshoreError where it goes through a file, or in circles
   */
  resolve(path: ByteName): ByteName {
    const todo = path.split('/').toReversed();
    let at: ByteName = '';
    let links = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
        continue;
      }
      const next = joinName(at, part);
      const node = this.look(next);
      if (node?.type === 'symlink') {
        if (++links > MAX_LINKS) throw instructionError(`${show(path)} leads in circles`);
        if (node.linkPath.startsWith('/')) at = '';
        todo.push(...node.linkPath.split('/').toReversed());
      } else if (node !== undefined && node.type !== 'directory' && todo.some(isPart)) {
        throw instructionError(`${show(path)} goes through ${show(next)}, which is no directory`);
      } else at = next;
    }
    return at;
  }

  #ofBase(path: ByteName): SourceNode | undefined {
    const { tree } = this.#base ?? {};
    const found = tree?.find(path);
    if (tree === undefined || found === undefined) return undefined;
    const { type, ...info } = tree.info(found);
    const { mode, uid, gid, mtime, linkPath, xattrs } = info;
    const common = { mode, uid, gid, mtime, linkPath, xattrs, size: 0 };
    if (type === 'directory' || type === 'symlink') return { ...common, type };
    const inode = tree.dirents.inode(found);
    const { layer, entry } = tree.origin(inode);
    const archive = this.#archives[layer];
    if (type !== 'file' || archive === undefined) {
      const { deviceMajor: major, deviceMinor: minor } = info;
      if (type === 'file' || type === 'hardlink') return undefined;
      return { ...common, type: 'device', device: { type, major, minor } };
    }
    const content = { kind: 'archive', archive, entry } as const;
    return { ...common, type, size: info.size, content, inode: `${archive.id} ${inode}` };
  }
}

const ROOT_NODE: SourceNode = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  linkPath: '',
};

function isPart(part: string): boolean {
  return part !== '' && part !== '.';
}

function toArchive(source: LayerSource): Archive {
  const { digest } = source.descriptor;
  return { id: digest, name: `the layer ${digest}`, open: (signal) => source.open(signal) };
}
