import { endOfArchive, filling, formatHeader, type TarMember } from '../../export/index.ts';
import type { ByteName } from '../context/names.ts';
import type { Archive, SourceNode } from '../context/sourceTree.ts';
import { readArchive, readContent } from './content.ts';

export type LayerMember = readonly [path: ByteName, node: SourceNode];

interface LayerBytesOptions {
  /** Of all members, in seconds since the epoch. */
  readonly mtime: number;
  readonly signal: AbortSignal;
}

/**
 * The tar of a layer, from members in the order of their paths: first what can be read by itself, in
 * that order; then what stands in archives and layers, in their order, for those are read once from
 * end to end; hard links last. Equal members give equal bytes.
 */
export async function* layerBytes(
  members: readonly LayerMember[],
  { mtime, signal }: LayerBytesOptions,
): AsyncGenerator<Buffer> {
  const { direct, archived, links } = divide(members);
  for (const [path, node] of direct) {
    yield formatHeader(toMember(path, node, mtime));
    if (node.size === 0 || node.content === undefined) continue;
    yield* readContent(node.content, node.size, { signal });
    yield* pad(node.size);
  }
  for (const { archive, wanted } of archived) {
    let open: SourceNode | undefined;
    for await (const piece of readArchive(archive, new Set(wanted.keys()), { signal })) {
      if (piece.kind === 'data') {
        yield piece.chunk;
        continue;
      }
      if (open !== undefined) yield* pad(open.size);
      const member = wanted.get(piece.number);
      if (member === undefined) continue;
      [, open] = member;
      yield formatHeader(toMember(member[0], open, mtime));
    }
    if (open !== undefined) yield* pad(open.size);
  }
  for (const { path, node, target } of links) {
    const header = toMember(path, { ...node, size: 0, linkPath: target }, mtime);
    yield formatHeader({ ...header, type: 'hardlink' });
  }
  yield endOfArchive();
}

function* pad(size: number): Generator<Buffer> {
  const fill = filling(size);
  if (fill.length > 0) yield fill;
}

function toMember(path: ByteName, node: SourceNode, mtime: number): TarMember {
  const { mode, uid, gid, size, linkPath, xattrs, device } = node;
  const type = node.type === 'device' ? device?.type : node.type;
  if (type === undefined || type === 'socket') throw new TypeError(`${path} cannot be in a tar`);
  return {
    path,
    type,
    mode,
    uid,
    gid,
    mtime,
    size,
    linkPath,
    xattrs,
    deviceMajor: device?.major ?? 0,
    deviceMinor: device?.minor ?? 0,
  };
}

interface Divided {
  readonly direct: readonly LayerMember[];
  readonly archived: readonly { archive: Archive; wanted: Map<number, LayerMember> }[];
  readonly links: readonly { path: ByteName; node: SourceNode; target: ByteName }[];
}

function divide(members: readonly LayerMember[]): Divided {
  const direct: LayerMember[] = [];
  const archived: { archive: Archive; wanted: Map<number, LayerMember> }[] = [];
  const links: { path: ByteName; node: SourceNode; target: ByteName }[] = [];
  const firstNames = new Map<string, ByteName>();
  for (const member of members) {
    const [path, node] = member;
    const target = node.inode === undefined ? undefined : firstNames.get(node.inode);
    if (target !== undefined) {
      links.push({ path, node, target });
      continue;
    }
    if (node.inode !== undefined) firstNames.set(node.inode, path);
    const { content } = node;
    if (content?.kind !== 'archive' || node.size === 0) {
      direct.push(member);
      continue;
    }
    const { archive, entry } = content;
    // An entry that goes to two places is read twice: a stream cannot go back.
    let round = archived.find((one) => one.archive.id === archive.id && !one.wanted.has(entry));
    if (round === undefined) archived.push((round = { archive, wanted: new Map() }));
    round.wanted.set(entry, member);
  }
  return { direct, archived, links };
}
