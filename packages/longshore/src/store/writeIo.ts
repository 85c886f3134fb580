import { write as writeCallback, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** The system calls that bytes go through; a test puts a full disk in their place. */
export interface WriteIo {
  /** Writes at `position`; returns how many bytes were taken. */
  writeSync(fd: number, chunk: Uint8Array, offset: number, position: number): number;
  write(fd: number, chunk: Uint8Array, offset: number, position: number): Promise<number>;
  syncData(file: FileHandle): Promise<void>;
}

export const SYSTEM_IO: WriteIo = {
  writeSync: (fd, chunk, offset, position) =>
    writeSync(fd, chunk, offset, chunk.byteLength - offset, position),
  write: (fd, chunk, offset, position) =>
    new Promise((resolve, reject) => {
      writeCallback(fd, chunk, offset, chunk.byteLength - offset, position, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    }),
  syncData: (file) => file.datasync(),
};

/** Writes a whole chunk, blocking: measured faster than the thread pool on local disks. */
export function writeWhole(io: WriteIo, fd: number, chunk: Uint8Array, position: number): void {
  let done = 0;
  while (done < chunk.byteLength) done += io.writeSync(fd, chunk, done, position + done);
}

/** Writes a whole chunk on the thread pool; for network file systems. */
export async function writeWholeLater(
  io: WriteIo,
  fd: number,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) done += await io.write(fd, chunk, done, position + done);
}
