import { createHash } from 'node:crypto';
import { emitTree } from '../../../src/export/layer/emit.ts';
import { type IndexOptions, indexLayers } from '../../../src/export/layer/flatten.ts';
import type { LayerSource } from '../../../src/export/layer/source.ts';
import { parseDigest } from '../../../src/image/index.ts';

/** Bytes in memory as a layer, given out in pieces of an awkward size. */
export function layerOf(tar: Buffer, stored: Buffer = tar): LayerSource {
  const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  return {
    descriptor: { digest: parseDigest(`sha256:${sha(stored)}`), size: stored.length },
    diffId: parseDigest(`sha256:${sha(tar)}`),
    open: async () => inPieces(stored, 777),
  };
}

export async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** What a name of a flattened image leads to, in a form that compares. */
export interface Found {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly data?: string;
  readonly link?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** All names of the same inode, sorted; only where there are several. */
  readonly names?: readonly string[];
}

export async function flatten(
  sources: readonly LayerSource[],
  options: IndexOptions = {},
): Promise<Map<string, Found>> {
  const tree = await indexLayers(sources, options);
  const inodes: { names: string[]; found: Found; chunks: Buffer[] }[] = [];
  const byName = new Map<string, (typeof inodes)[number]>();
  for await (const items of emitTree(tree, sources)) {
    for (const item of items) {
      if (item.kind === 'data') {
        const bytes = inodes.at(-1)?.chunks[0];
        item.chunk.copy(bytes ?? Buffer.alloc(0), item.offset);
        continue;
      }
      const { member } = item;
      if (member.type === 'hardlink') {
        const target = byName.get(member.linkPath ?? '');
        if (target === undefined) throw new Error(`link before its target: ${member.path}`);
        target.names.push(member.path);
        byName.set(member.path, target);
        continue;
      }
      if (byName.has(member.path)) throw new Error(`emitted twice: ${member.path}`);
      const inode = {
        names: [member.path],
        chunks: [Buffer.alloc(member.size)],
        found: {
          type: member.type,
          mode: member.mode,
          uid: member.uid,
          ...(member.type === 'symlink' ? { link: member.linkPath ?? '' } : {}),
          ...(member.xattrs === undefined ? {} : { xattrs: readable(member.xattrs) }),
        },
      };
      inodes.push(inode);
      byName.set(member.path, inode);
    }
  }
  const result = new Map<string, Found>();
  for (const [name, { names, found, chunks }] of byName) {
    result.set(name, {
      ...found,
      ...(found.type === 'file' ? { data: Buffer.concat(chunks).toString('latin1') } : {}),
      ...(names.length > 1 ? { names: names.toSorted() } : {}),
    });
  }
  return result;
}

function readable(xattrs: ReadonlyMap<string, Buffer>): Record<string, string> {
  return Object.fromEntries([...xattrs].map(([name, value]) => [name, value.toString('latin1')]));
}

/** Names and what they lead to, short: `file:text`, `symlink>target`, or the type alone. */
export function brief(found: Map<string, Found>): Record<string, string> {
  return Object.fromEntries(
    [...found]
      .filter(([name]) => name !== '')
      .map(([name, { type, data, link, names }]) => [
        name,
        (data === undefined ? (link === undefined ? type : `>${link}`) : `:${data}`) +
          (names === undefined ? '' : ` (${names.join(' ')})`),
      ]),
  );
}
