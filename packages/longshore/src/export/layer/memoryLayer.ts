import { digestOf } from '../../image/index.ts';
import type { ByteString } from '../tar/types.ts';
import { endOfArchive, filling, formatHeader, type TarMember } from '../tar/writer.ts';
import type { LayerSource } from './source.ts';

/** A member of a layer that is made here. */
export interface MemoryFile {
  readonly member: TarMember;
  readonly data: Buffer;
}

interface Attributes {
  readonly mode: number;
  readonly mtime: number;
}

const OWNER = { uid: 0, gid: 0 } as const;

export function memoryFile(path: ByteString, text: string, attributes: Attributes): MemoryFile {
  const data = Buffer.from(text);
  return { member: { path, type: 'file', size: data.length, ...OWNER, ...attributes }, data };
}

export function memoryDirectory(path: ByteString, attributes: Attributes): MemoryFile {
  const member: TarMember = { path, type: 'directory', size: 0, ...OWNER, ...attributes };
  return { member, data: Buffer.alloc(0) };
}

export function memoryLink(path: ByteString, target: string, attributes: Attributes): MemoryFile {
  const member: TarMember = { path, type: 'symlink', size: 0, ...OWNER, ...attributes };
  return { member: { ...member, linkPath: target }, data: Buffer.alloc(0) };
}

/** A layer of such members, to be laid over those of an image. */
export function memoryLayer(files: readonly MemoryFile[]): LayerSource {
  const bytes = Buffer.concat([
    ...files.flatMap(({ member, data }) => [formatHeader(member), data, filling(data.length)]),
    endOfArchive(),
  ]);
  const digest = digestOf(bytes);
  return {
    descriptor: { digest, size: bytes.length },
    diffId: digest,
    open: async () => once(bytes),
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
