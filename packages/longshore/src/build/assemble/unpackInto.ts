import { LongshoreError } from '../../errors.ts';
import { decompress, type TarEntry, TarReader } from '../../export/index.ts';
import { type ByteName, belowRoot, joinName } from '../context/names.ts';
import type { Archive, SourceNode } from '../context/sourceTree.ts';
import { readArchive, readContent } from './content.ts';
import { instructionError } from './errors.ts';
import { type LayerDraft, type Owner, ROOT_OWNER } from './layerDraft.ts';

/** Compressions that Docker unpacks and that are not unpacked here, by their first bytes. */
const OTHERS: readonly (readonly [name: string, magic: string])[] = [
  ['bzip2', 'BZh'],
  ['xz', '\xfd7zXZ\0'],
];

/**
 * A local file that `ADD` has to unpack: a tar, plain or compressed by gzip or zstd; `undefined` for
 * every other file.
 * @throws LongshoreError for a file in a compression that is not known here
 */
export async function asArchive(
  node: SourceNode,
  name: ByteName,
  signal: AbortSignal,
): Promise<Archive | undefined> {
  const { content, size } = node;
  if (node.type !== 'file' || content === undefined || size === 0) return undefined;
  const isHost = content.kind === 'host';
  const archive: Archive = {
    id: isHost ? `${content.path} ${content.identity}` : `${JSON.stringify(name)} ${size}`,
    name,
    changedAtMs: isHost ? content.changedAtMs : undefined,
    open: async (abort) => readContent(content, size, { signal: abort }),
  };
  for await (const chunk of readContent(content, size, { signal })) {
    const start = chunk.toString('latin1', 0, 6);
    const other = OTHERS.find(([, magic]) => start.startsWith(magic));
    if (other === undefined) break;
    throw instructionError(
      `${name} is compressed by ${other[0]}, which assemble cannot unpack`,
      'Compress it by gzip or zstd, or COPY it to leave it packed',
    );
  }
  return (await startsLikeTar(archive, signal)) ? archive : undefined;
}

async function startsLikeTar(archive: Archive, signal: AbortSignal): Promise<boolean> {
  let isTar = false;
  const seen = new TarReader({
    onEntry: () => {
      isTar = true;
    },
    onData: () => undefined,
  });
  try {
    for await (const chunk of decompress(await archive.open(signal))) {
      seen.write(chunk);
      if (isTar) return true;
      // An extension header may come first, but none is as long as this.
      if (chunk.every((byte) => byte === 0)) return false;
    }
  } catch (error) {
    if (error instanceof LongshoreError && /^ERR_(?:TAR|LAYER)_/.test(error.code)) return isTar;
    throw error;
  }
  return isTar;
}

/** Unpacks a local archive into the stage, its owners and modes kept, as `ADD` does. */
export async function unpackInto(
  draft: LayerDraft,
  archive: Archive,
  to: {
    readonly destination: ByteName;
    readonly owner: Owner | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { tree } = draft;
  const root = tree.resolve(to.destination);
  draft.makeDirectory(root, to.owner ?? ROOT_OWNER);
  const unpacked = new Map<ByteName, SourceNode>();
  for await (const piece of readArchive(archive, undefined, to)) {
    if (piece.kind !== 'entry') continue;
    const { entry, number } = piece;
    const path = inside(entry.path);
    if (path === '') continue;
    const slash = path.lastIndexOf('/');
    const parent = tree.resolve(joinName(root, slash < 0 ? '' : path.slice(0, slash)));
    draft.makeDirectory(parent, ROOT_OWNER);
    const node =
      entry.type === 'hardlink'
        ? unpacked.get(inside(entry.linkPath))
        : toNode(entry, number, archive);
    if (node === undefined) {
      throw instructionError(`${archive.name} has a hard link to nothing: ${entry.linkPath}`);
    }
    unpacked.set(path, node);
    draft.put(joinName(parent, path.slice(slash + 1)), node);
  }
}

function inside(path: ByteName): ByteName {
  if (path.split('/').includes('..')) {
    throw instructionError(
      `the archive has the path ${JSON.stringify(path)}, which leads out of it`,
    );
  }
  return belowRoot(path);
}

function toNode(entry: TarEntry, number: number, archive: Archive): SourceNode {
  const { mode, uid, gid, mtime, linkPath, xattrs } = entry;
  const common = { mode, uid, gid, mtime, linkPath, xattrs, size: 0 };
  switch (entry.type) {
    case 'directory':
    case 'symlink':
      return { ...common, type: entry.type };
    case 'character-device':
    case 'block-device':
    case 'fifo': {
      const device = { type: entry.type, major: entry.deviceMajor, minor: entry.deviceMinor };
      return { ...common, type: 'device', device };
    }
    case 'file':
    case 'hardlink': {
      const content = { kind: 'archive', archive, entry: number } as const;
      return {
        ...common,
        type: 'file',
        size: entry.size,
        content,
        inode: `${archive.id} ${number}`,
      };
    }
  }
}
