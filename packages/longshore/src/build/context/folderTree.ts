import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { errnoOf, isAbsent, LongshoreError } from '../../errors.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import { type ByteName, compareNames, fromByteName, joinName, toByteName } from './names.ts';
import { type SourceNode, type SourceTree, show } from './sourceTree.ts';

export interface FolderTreeOptions {
  /** For messages. @defaultValue `the build context` */
  readonly name?: string | undefined;
  readonly rules?: IgnoreRules | undefined;
}

/**
 * A folder as a build sees it: what is ignored is not there. Owners are root's, whoever owns the
 * files here: they would differ from machine to machine.
 */
export class FolderTree implements SourceTree {
  readonly name: string;
  readonly #root: ByteName;
  readonly #rules: IgnoreRules | undefined;

  constructor(root: string, options: FolderTreeOptions = {}) {
    this.name = options.name ?? 'the build context';
    this.#root = toByteName(root);
    this.#rules = options.rules?.isEmpty === true ? undefined : options.rules;
  }

  async stat(path: ByteName): Promise<SourceNode | undefined> {
    const stats = this.#lstat(path);
    if (stats === undefined || !(await this.#isThere(path, stats.isDirectory()))) return undefined;
    return this.#node(path, stats);
  }

  async list(path: ByteName): Promise<readonly ByteName[]> {
    const names: ByteName[] = [];
    for (const { name, isDirectory } of await this.#read(path)) {
      if (await this.#isThere(joinName(path, name), isDirectory)) names.push(name);
    }
    return names.sort(compareNames);
  }

  async #isThere(path: ByteName, isDirectory: boolean): Promise<boolean> {
    const rules = this.#rules;
    const text = fromByteName(path);
    if (rules === undefined || !rules.ignores(text)) return true;
    if (!isDirectory || !rules.mayHoldExceptions(text)) return false;
    for (const child of await this.#read(path)) {
      if (await this.#isThere(joinName(path, child.name), child.isDirectory)) return true;
    }
    return false;
  }

  async #read(path: ByteName): Promise<{ name: ByteName; isDirectory: boolean }[]> {
    try {
      const entries = await readdir(this.#host(path), { withFileTypes: true, encoding: 'latin1' });
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    } catch (cause) {
      throw unreadable(this.name, path, cause);
    }
  }

  /** Not on the thread pool: the way there and back costs far more than the call, thousands of times. */
  #lstat(path: ByteName): Stats | undefined {
    try {
      return lstatSync(this.#host(path));
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw unreadable(this.name, path, cause);
    }
  }

  #node(path: ByteName, stats: Stats): SourceNode {
    const common = { mode: stats.mode & 0o7777, uid: 0, gid: 0, mtime: stats.mtimeMs / 1000 };
    const plain = { ...common, size: 0, linkPath: '' };
    if (stats.isDirectory()) return { ...plain, type: 'directory' };
    if (stats.isSymbolicLink()) {
      const linkPath = readlinkSync(this.#host(path), 'latin1');
      return { ...plain, mode: 0o777, type: 'symlink', linkPath };
    }
    if (!stats.isFile()) return { ...plain, type: stats.isSocket() ? 'socket' : 'device' };
    const content = {
      kind: 'host',
      path: path === '' ? this.#root : `${this.#root}/${path}`,
      identity: identityOf(stats),
      changedAtMs: stats.ctimeMs,
    } as const;
    return { ...plain, type: 'file', size: stats.size, content };
  }

  #host(path: ByteName): Buffer {
    return Buffer.from(path === '' ? this.#root : `${this.#root}/${path}`, 'latin1');
  }
}

/** Changes whenever a file does, but for changes within one tick of the clock. */
export function identityOf(stats: Stats): string {
  return `${stats.dev}-${stats.ino}-${stats.size}-${stats.ctimeMs}-${stats.mtimeMs}`;
}

function unreadable(tree: string, path: ByteName, cause: unknown): LongshoreError {
  const code = errnoOf(cause) ?? 'unknown error';
  return new LongshoreError(`Cannot read ${show(path === '' ? '.' : path)} in ${tree} (${code})`, {
    code: 'ERR_CONTEXT_READ',
    origin: 'input',
    hint: 'Make it readable, or leave it out with a .dockerignore',
    cause,
  });
}
