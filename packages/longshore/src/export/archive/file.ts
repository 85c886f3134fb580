import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LongshoreError } from '../../errors.ts';
import { isStream } from '../../fileSystem.ts';
import type { Descriptor } from '../../image/index.ts';
import { writeToStream } from '../../streamFile.ts';
import { diskError, replaceFile } from '../disk.ts';
import type { LayerSource } from '../layer/source.ts';
import { endOfArchive, filling, formatHeader } from '../tar/writer.ts';

/** A file of an archive: bytes in memory, or a stream of a known length. */
export interface ArchiveFile {
  readonly path: string;
  readonly size: number;
  open(signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array>;
}

export function textFile(path: string, bytes: Uint8Array): ArchiveFile {
  return { path, size: bytes.length, open: () => Readable.from([bytes]) };
}

/** A blob as it is stored. */
export function blobFile(path: string, source: LayerSource): ArchiveFile {
  return { path, size: source.descriptor.size, open: (signal) => source.open(signal) };
}

/** `blobs/sha256/<hex>`: where an OCI layout has a blob. */
export function layoutPath(digest: Descriptor['digest']): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/**
 * Writes an archive of files, in place of a file or into the pipe or device that is there. Owners and
 * times are the same in all, so that equal content gives equal bytes.
 * @returns bytes of the archive
 * @throws LongshoreError `ERR_DISK_FULL`, `ERR_OUTPUT_WRITE`, `ERR_BLOB_INCOMPLETE`
 */
export async function writeTarFile(
  path: string,
  files: readonly ArchiveFile[],
  { mode, signal }: { readonly mode: number; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  if (await isStream(path)) {
    try {
      return await writeToStream(path, toTar(files, signal), signal);
    } catch (error) {
      throw diskError(path, error);
    }
  }
  let bytes = 0;
  await replaceFile(path, mode, async (partial) => {
    const sink = createWriteStream(partial, { flags: 'wx', highWaterMark: 1024 * 1024 });
    await pipeline(Readable.from(toTar(files, signal)), sink, { signal });
    bytes = sink.bytesWritten;
  });
  return bytes;
}

async function* toTar(
  files: readonly ArchiveFile[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const member = { mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;
  for (const directory of directoriesOf(files)) {
    yield formatHeader({ ...member, path: directory, type: 'directory', mode: 0o755, size: 0 });
  }
  for (const file of files) {
    yield formatHeader({ ...member, path: file.path, type: 'file', size: file.size });
    let bytes = 0;
    for await (const chunk of await file.open(signal)) {
      bytes += chunk.length;
      yield chunk;
    }
    if (bytes !== file.size) throw wrongSize(file, bytes);
    yield filling(file.size);
  }
  yield endOfArchive();
}

function directoriesOf(files: readonly ArchiveFile[]): string[] {
  const all = new Set<string>();
  for (const { path } of files) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      all.add(path.slice(0, at));
    }
  }
  return [...all].toSorted();
}

function wrongSize(file: ArchiveFile, bytes: number): LongshoreError {
  return new LongshoreError(`${file.path} has ${bytes} bytes, ${file.size} were expected`, {
    code: 'ERR_BLOB_INCOMPLETE',
    origin: 'store',
    hint: 'Run `longshore cache verify --repair`, then try again',
  });
}
