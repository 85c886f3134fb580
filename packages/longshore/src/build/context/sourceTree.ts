import { LongshoreError } from '../../errors.ts';
import { type ByteName, fromByteName, joinName } from './names.ts';

/** Where the bytes of a file are; read when the layer that holds it is written. */
export type FileContent =
  | {
      /** A file on this machine, as it was when it was looked at. */
      readonly kind: 'host';
      readonly path: ByteName;
      /** For telling whether it is still the same. */
      readonly identity: string;
      readonly changedAtMs: number;
    }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | {
      /** A member of an archive or layer, which can only be read from its start. */
      readonly kind: 'archive';
      readonly archive: Archive;
      /** Its place among the archive's entries. */
      readonly entry: number;
    };

/** A tar, perhaps compressed, that can be read more than once. */
export interface Archive {
  /** For the order in which archives are read, and for telling contents apart. */
  readonly id: string;
  /** For messages. */
  readonly name: string;
  /** Of an archive that is a file of this machine: when it was changed last. */
  readonly changedAtMs?: number | undefined;
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export interface Device {
  readonly type: 'character-device' | 'block-device' | 'fifo';
  readonly major: number;
  readonly minor: number;
}

export interface SourceNode {
  readonly type: 'file' | 'directory' | 'symlink' | 'device' | 'socket';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly size: number;
  readonly linkPath: ByteName;
  readonly xattrs?: ReadonlyMap<ByteName, Buffer> | undefined;
  readonly content?: FileContent | undefined;
  /** Equal for the names of one file. Only trees that keep hard links give it. */
  readonly inode?: string | undefined;
  /** Which device or pipe of an image; none for those of this machine, which no image gets. */
  readonly device?: Device | undefined;
}

/** What `COPY` reads from: a folder, or the file system of an image or stage. Paths are relative. */
export interface SourceTree {
  /** For messages: `the build context`. */
  readonly name: string;
  /** What the path itself is, a link not followed. The empty path is the root. */
  stat(path: ByteName): Promise<SourceNode | undefined>;
  /** Names in a directory, by bytes. */
  list(path: ByteName): Promise<readonly ByteName[]>;
}

/** As Linux: beyond, every access would fail. */
const MAX_LINKS = 40;

/**
 * Follows symlinks as if the tree were a whole file system: `/` is its root.
 * @returns the path that is reached, `undefined` where nothing is there
 * @throws LongshoreError `ERR_CONTEXT_LINK` for links that lead out of the tree or in circles
 */
export async function followLinks(tree: SourceTree, path: ByteName): Promise<ByteName | undefined> {
  const todo = path.split('/').toReversed();
  let at: ByteName = '';
  let links = 0;
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at === '') throw leadsOut(tree, path, 'goes above its root');
      at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
      continue;
    }
    const next = joinName(at, part);
    const node = await tree.stat(next);
    if (node === undefined) {
      if (links > 0) throw leadsOut(tree, path, `leads to ${show(next)}, which is not in it`);
      return undefined;
    }
    if (node.type !== 'symlink') {
      at = next;
      continue;
    }
    if (++links > MAX_LINKS) throw leadsOut(tree, path, 'leads in circles');
    if (node.linkPath.startsWith('/')) at = '';
    todo.push(...node.linkPath.split('/').toReversed());
  }
  return at;
}

/** A name for a message: printable, quoted, and not endless. */
export function show(path: ByteName): string {
  return JSON.stringify(fromByteName(path.slice(0, 200)));
}

function leadsOut(tree: SourceTree, path: ByteName, how: string): LongshoreError {
  return new LongshoreError(`The symlink ${show(path)} in ${tree.name} ${how}`, {
    code: 'ERR_CONTEXT_LINK',
    origin: 'input',
    hint: 'A build sees only what is in its context; copy the file into it',
  });
}
