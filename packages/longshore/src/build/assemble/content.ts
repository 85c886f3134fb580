import { constants, fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, LongshoreError } from '../../errors.ts';
import { decompress, type TarEntry, TarReader } from '../../export/index.ts';
import { identityOf } from '../context/folderTree.ts';
import type { ByteName } from '../context/names.ts';
import { type Archive, type FileContent, show } from '../context/sourceTree.ts';

const READ_BYTES = 256 * 1024;

interface ReadOptions {
  readonly signal: AbortSignal;
}

/** The bytes of one file. Chunks are valid until the next is asked for. */
export async function* readContent(
  content: FileContent,
  size: number,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  if (content.kind === 'bytes') yield content.bytes;
  else if (content.kind === 'host') yield* readHostFile(content, size, options);
  else {
    for await (const piece of readArchive(content.archive, new Set([content.entry]), options)) {
      if (piece.kind === 'data') yield piece.chunk;
    }
  }
}

/**
 * Reads a file of the context, and checks before and after that it is the one that was looked at.
 * @throws LongshoreError `ERR_CONTEXT_CHANGED`, `ERR_CONTEXT_READ`
 */
async function* readHostFile(
  content: FileContent & { readonly kind: 'host' },
  size: number,
  { signal }: ReadOptions,
): AsyncGenerator<Buffer> {
  const file = await openHostFile(content.path);
  try {
    checkUnchanged(file, content);
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(size, 1)));
    for (let at = 0; at < size; ) {
      signal.throwIfAborted();
      const wanted = Math.min(buffer.length, size - at);
      const { bytesRead } = await file.read(buffer, 0, wanted, at);
      if (bytesRead === 0) throw changed(content.path);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    checkUnchanged(file, content);
  } catch (cause) {
    if (cause instanceof LongshoreError || errnoOf(cause) === undefined) throw cause;
    throw unreadable(content.path, cause);
  } finally {
    await file.close();
  }
}

async function openHostFile(path: ByteName): Promise<FileHandle> {
  try {
    // A link put in the file's place meanwhile must not lead the build out of its context.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return await open(Buffer.from(path, 'latin1'), flags);
  } catch (cause) {
    const code = errnoOf(cause);
    throw code === 'ENOENT' || code === 'ELOOP' ? changed(path, cause) : unreadable(path, cause);
  }
}

function checkUnchanged(file: FileHandle, content: FileContent & { readonly kind: 'host' }): void {
  if (identityOf(fstatSync(file.fd)) !== content.identity) throw changed(content.path);
}

function changed(path: ByteName, cause?: unknown): LongshoreError {
  return new LongshoreError(`${show(path)} has changed while it was read`, {
    code: 'ERR_CONTEXT_CHANGED',
    origin: 'input',
    hint: 'Build from a folder that nothing writes to, or leave the file out with a .dockerignore',
    cause,
  });
}

function unreadable(path: ByteName, cause: unknown): LongshoreError {
  return new LongshoreError(`Cannot read ${show(path)} (${errnoOf(cause) ?? 'unknown error'})`, {
    code: 'ERR_CONTEXT_READ',
    origin: 'input',
    hint: 'Make it readable, or leave it out with a .dockerignore',
    cause,
  });
}

export type ArchivePiece =
  | { readonly kind: 'entry'; readonly number: number; readonly entry: TarEntry }
  | { readonly kind: 'data'; readonly chunk: Buffer };

const ZEROS = Buffer.alloc(64 * 1024);

/**
 * Reads an archive once from end to end and gives what is wanted of it: each entry, then its bytes,
 * holes of sparse files written out.
 * @param wanted - numbers of entries; `undefined` for the headers of all, without bytes
 * @throws LongshoreError what the reader of tars throws
 */
export async function* readArchive(
  archive: Archive,
  wanted: ReadonlySet<number> | undefined,
  { signal }: ReadOptions,
): AsyncGenerator<ArchivePiece> {
  const filter = new ArchiveFilter(wanted);
  const reader = new TarReader(filter);
  for await (const chunk of decompress(await archive.open(signal))) {
    signal.throwIfAborted();
    reader.write(chunk);
    yield* filter.take();
  }
  reader.end();
  yield* filter.end();
}

/** A piece, or a run of zeros that is only written out when it is asked for. */
type Pending = ArchivePiece | { readonly kind: 'zeros'; readonly bytes: number };

class ArchiveFilter {
  readonly #wanted: ReadonlySet<number> | undefined;
  #pending: Pending[] = [];
  #number = -1;
  #current: TarEntry | undefined;
  #run = 0;
  #leftOfRun = 0;
  #at = 0;

  constructor(wanted: ReadonlySet<number> | undefined) {
    this.#wanted = wanted;
  }

  onEntry(entry: TarEntry): void {
    this.#closeEntry();
    this.#number++;
    if (this.#wanted?.has(this.#number) === false) return;
    this.#pending.push({ kind: 'entry', number: this.#number, entry });
    if (this.#wanted === undefined) return;
    this.#current = entry;
    this.#run = 0;
    this.#leftOfRun = entry.sparse?.[0]?.bytes ?? entry.size;
    this.#at = 0;
  }

  onData(chunk: Buffer): void {
    const { sparse } = this.#current ?? {};
    if (this.#current === undefined) return;
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#leftOfRun === 0) this.#nextRun();
      if (sparse !== undefined && this.#leftOfRun === sparse[this.#run]?.bytes) {
        this.#zerosTo(sparse[this.#run]?.offset ?? this.#at);
      }
      const part = rest.subarray(0, Math.max(1, Math.min(rest.length, this.#leftOfRun)));
      this.#pending.push({ kind: 'data', chunk: part });
      this.#at += part.length;
      this.#leftOfRun -= part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Runs may be empty: the last one often only marks where the file ends. */
  #nextRun(): void {
    const runs = this.#current?.sparse ?? [];
    while (this.#leftOfRun === 0 && this.#run < runs.length - 1) {
      this.#leftOfRun = runs[++this.#run]?.bytes ?? 0;
    }
  }

  *take(): Generator<ArchivePiece> {
    const pending = this.#pending;
    this.#pending = [];
    for (const piece of pending) {
      if (piece.kind !== 'zeros') yield piece;
      else {
        for (let left = piece.bytes; left > 0; left -= ZEROS.length) {
          yield { kind: 'data', chunk: ZEROS.subarray(0, Math.min(left, ZEROS.length)) };
        }
      }
    }
  }

  *end(): Generator<ArchivePiece> {
    this.#closeEntry();
    yield* this.take();
  }

  #closeEntry(): void {
    if (this.#current !== undefined) this.#zerosTo(this.#current.size);
    this.#current = undefined;
  }

  #zerosTo(end: number): void {
    if (end > this.#at) this.#pending.push({ kind: 'zeros', bytes: end - this.#at });
    this.#at = Math.max(this.#at, end);
  }
}
