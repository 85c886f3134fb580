import { type FileHandle, open } from 'node:fs/promises';

/** Bytes at offsets, read into buffers that somebody else owns. */
export interface ByteSource {
  /** Fills as much of `target` as there is; 0 only at the end. */
  read(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export async function openFileSource(path: string): Promise<ByteSource> {
  const file: FileHandle = await open(path, 'r');
  return {
    read: async (target, position) =>
      (await file.read(target, 0, target.byteLength, position)).bytesRead,
    close: () => file.close(),
  };
}
