import { IgnoreRules } from '../context/ignoreRules.ts';
import type { MatchedSource } from '../context/matchSources.ts';
import { type ByteName, fromByteName, joinName } from '../context/names.ts';
import { type SourceNode, type SourceTree, show } from '../context/sourceTree.ts';
import { instructionError } from './errors.ts';
import { type LayerDraft, type Owner, ROOT_OWNER } from './layerDraft.ts';

export interface CopyRequest {
  readonly draft: LayerDraft;
  readonly source: SourceTree;
  /** Absolute, cleaned, without its slash at the end. */
  readonly destination: ByteName;
  /** It ended in a slash, or has to hold several sources. */
  readonly intoDirectory: boolean;
  /** `--chown`; `undefined` keeps the source's. */
  readonly owner: Owner | undefined;
  /** `--chmod`, for files and directories. */
  readonly mode: number | undefined;
  /** `--exclude` */
  readonly exclude: readonly string[];
  /** `--parents` */
  readonly parents: boolean;
  readonly onSkip: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Copies one source of a `COPY` into the stage, as BuildKit's copier (tonistiigi/fsutil) does. */
export async function copyInto(request: CopyRequest, matched: MatchedSource): Promise<void> {
  const { draft, owner = ROOT_OWNER } = request;
  const { tree } = draft;
  const target = tree.resolve(request.destination);
  if (request.parents) return copyWithParents(request, matched, target);
  const there = target === '' ? 'directory' : tree.look(target)?.type;
  const copy = new TreeCopy(request);
  if (matched.node.type === 'directory') {
    draft.makeDirectory(target, owner);
    return copy.children(matched.path, target, '');
  }
  if (copy.excludes(fromByteName(matched.name))) return;
  if (!request.intoDirectory && there !== 'directory') {
    const slash = target.lastIndexOf('/');
    draft.makeDirectory(slash < 0 ? '' : target.slice(0, slash), owner);
    return copy.one(matched.path, target, matched.node);
  }
  draft.makeDirectory(target, owner);
  return copy.one(matched.path, joinName(target, matched.name), matched.node);
}

/** `--parents`: the source's directories are made below the destination; `/./` says from where on. */
async function copyWithParents(
  request: CopyRequest,
  matched: MatchedSource,
  target: ByteName,
): Promise<void> {
  const { draft, source, owner = ROOT_OWNER } = request;
  draft.makeDirectory(target, owner);
  const copy = new TreeCopy(request);
  const parts = matched.written.split('/');
  const name = parts.pop() ?? '';
  let from: ByteName = '';
  let to = target;
  for (const [i, part] of parts.entries()) {
    from = joinName(from, part);
    if (i < matched.pivot) continue;
    to = joinName(to, part);
    const node = await source.stat(from);
    if (draft.tree.look(to) === undefined && node?.type === 'directory') copy.put(to, node);
    else draft.makeDirectory(to, owner);
  }
  const at = joinName(to, name);
  const { node, path } = matched;
  if (copy.excludes(fromByteName(matched.name))) return;
  await copy.one(path, at, node);
}

class TreeCopy {
  readonly #request: CopyRequest;
  readonly #excluded: IgnoreRules | undefined;

  constructor(request: CopyRequest) {
    this.#request = request;
    this.#excluded = request.exclude.length === 0 ? undefined : new IgnoreRules(request.exclude);
  }

  excludes(path: string): boolean {
    return this.#excluded?.ignores(path) ?? false;
  }

  /** @param below - the path within the source, for `--exclude` */
  async children(from: ByteName, to: ByteName, below: ByteName): Promise<void> {
    const { source, signal } = this.#request;
    for (const name of await source.list(from)) {
      signal.throwIfAborted();
      const inner = joinName(below, name);
      const text = fromByteName(inner);
      const excluded = this.excludes(text);
      const path = joinName(from, name);
      const node = await source.stat(path);
      if (node === undefined) continue;
      if (!excluded) await this.one(path, joinName(to, name), node, inner);
      else if (node.type === 'directory' && this.#excluded?.mayHoldExceptions(text) === true) {
        await this.children(path, joinName(to, name), inner);
      }
    }
  }

  async one(from: ByteName, to: ByteName, node: SourceNode, below: ByteName = ''): Promise<void> {
    if (node.type === 'socket') {
      this.#request.onSkip(`${show(from)} is a socket and is left out`);
      return;
    }
    if (node.type === 'device' && node.device === undefined) {
      throw instructionError(
        `${show(from)} in ${this.#request.source.name} is a device or a pipe`,
        'Leave it out with a .dockerignore',
      );
    }
    this.put(to, node);
    if (node.type === 'directory') await this.children(from, to, below);
  }

  put(to: ByteName, node: SourceNode): void {
    const { draft, owner, mode } = this.#request;
    const slash = to.lastIndexOf('/');
    // Only missing where `--exclude` leaves out a directory but not all that is in it.
    if (slash > 0) draft.makeDirectory(to.slice(0, slash), owner ?? ROOT_OWNER);
    draft.put(to, {
      ...node,
      ...owner,
      ...(mode === undefined || node.type === 'symlink' ? {} : { mode }),
      // One file under two owners would be two files.
      ...(owner === undefined || node.inode === undefined ? {} : { inode: `${node.inode} chown` }),
    });
  }
}
