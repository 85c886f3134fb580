import { LongshoreError } from '../../errors.ts';
import { compileGlob, hasWildcards } from './glob.ts';
import { type ByteName, belowRoot, fromByteName, joinName, toByteName } from './names.ts';
import { followLinks, type SourceNode, type SourceTree, show } from './sourceTree.ts';

/** What a source of a `COPY` has turned out to be. */
export interface MatchedSource {
  /** The name that a file gets in a directory: of the link, where one was followed. */
  readonly name: ByteName;
  /** As it was written or matched, relative to the tree's root; for `--parents`. */
  readonly written: ByteName;
  /** Where it is, links followed. */
  readonly path: ByteName;
  readonly node: SourceNode;
  /** How many parts of `written` stand before a `/./`, which `--parents` leaves out. */
  readonly pivot: number;
}

/**
 * Finds what a source of a `COPY` names, wildcards expanded, by bytes. As BuildKit does, links in
 * front of the first wildcard and the last part of each match are followed, others are not.
 * @returns nothing for wildcards without a match
 * @throws LongshoreError `ERR_CONTEXT_NOT_FOUND`, `ERR_CONTEXT_LINK`, `ERR_PATTERN_INVALID`
 */
export async function matchSources(tree: SourceTree, text: string): Promise<MatchedSource[]> {
  const mark = text.indexOf('/./');
  const before = mark < 0 ? '' : belowRoot(text.slice(0, mark));
  const source = { tree, text, pivot: before === '' ? 0 : before.split('/').length };
  const parts = belowRoot(text).split('/');
  const first = parts.findIndex(hasWildcards);
  if (first < 0) return [await follow(source, toByteName(parts.map(unescape).join('/')))];
  const fixed = toByteName(parts.slice(0, first).map(unescape).join('/'));
  const start = await followLinks(tree, fixed);
  if (start === undefined) return [];
  const found: MatchedSource[] = [];
  for (const path of await expand(tree, start, parts.slice(first).map(compileGlob))) {
    found.push(await follow(source, path));
  }
  return found;
}

interface Source {
  readonly tree: SourceTree;
  /** As it was written. */
  readonly text: string;
  readonly pivot: number;
}

function unescape(part: string): string {
  return part.replace(/\\(.)/gsu, '$1');
}

async function expand(
  tree: SourceTree,
  directory: ByteName,
  parts: readonly RegExp[],
): Promise<ByteName[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [directory];
  const node = await tree.stat(directory);
  if (node?.type !== 'directory') return [];
  const found: ByteName[] = [];
  for (const name of await tree.list(directory)) {
    if (!part.test(fromByteName(name))) continue;
    found.push(...(await expand(tree, joinName(directory, name), rest)));
  }
  return found;
}

async function follow({ tree, text, pivot }: Source, written: ByteName): Promise<MatchedSource> {
  const path = await followLinks(tree, written);
  const node = path === undefined ? undefined : await tree.stat(path);
  if (path === undefined || node === undefined) {
    throw new LongshoreError(`${show(toByteName(text))} is not in ${tree.name}`, {
      code: 'ERR_CONTEXT_NOT_FOUND',
      origin: 'input',
      hint: 'Paths are relative to the context; a .dockerignore may leave it out',
    });
  }
  return { name: written.slice(written.lastIndexOf('/') + 1), written, path, node, pivot };
}
