import type { Hash } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LongshoreError } from '../errors.ts';
import { createDigestHash, type Digest, digestAlgorithm, finishDigest } from '../image/index.ts';
import { removeQuietly } from './files.ts';
import { FrontierHash } from './frontierHash.ts';
import { blobFile } from './layout.ts';
import type { IngestContext } from './openIngest.ts';
import { RangeSet } from './rangeSet.ts';
import { digestMismatch, writeError } from './storeErrors.ts';
import type { Upload } from './types.ts';
import { writeWhole, writeWholeLater } from './writeIo.ts';

/** Marks files of uploads in `ingest/`. */
export const UPLOAD_PREFIX = 'upload-';

/** Starts an upload: a file in `ingest/` that belongs to this process alone. */
export async function startUpload(
  context: IngestContext,
  onEnd: (upload: FileUpload) => void,
): Promise<FileUpload> {
  const id = randomBytes(16).toString('hex');
  const path = join(context.layout.ingest, `${UPLOAD_PREFIX}${id}`);
  try {
    return new FileUpload(id, path, { file: await open(path, 'wx+', 0o666), context, onEnd });
  } catch (cause) {
    throw writeError(cause, path);
  }
}

interface UploadParts {
  readonly file: FileHandle;
  readonly context: IngestContext;
  readonly onEnd: (upload: FileUpload) => void;
}

/** Bytes in order, hashed with sha256 as they come; another algorithm is computed at the end. */
export class FileUpload implements Upload {
  readonly id: string;
  readonly #path: string;
  readonly #parts: UploadParts;
  readonly #hash: Hash = createDigestHash('sha256');
  #offset = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: LongshoreError | undefined;
  #open = true;

  constructor(id: string, path: string, parts: UploadParts) {
    this.id = id;
    this.#path = path;
    this.#parts = parts;
  }

  get offset(): number {
    return this.#offset;
  }

  write(chunk: Uint8Array): undefined | Promise<void> {
    this.#checkOpen();
    const { file, context } = this.#parts;
    const position = this.#offset;
    if (context.asyncWrites) return this.#writeLater(chunk, position);
    try {
      writeWhole(context.io, file.fd, chunk, position);
    } catch (cause) {
      throw writeError(cause, this.#path);
    }
    this.#hash.update(chunk);
    this.#offset += chunk.byteLength;
    return undefined;
  }

  async commit(digest: Digest): Promise<{ readonly digest: Digest; readonly size: number }> {
    this.#checkOpen();
    const { file, context } = this.#parts;
    const target = blobFile(context.layout, digest);
    this.#open = false;
    try {
      await this.#writing;
      if (this.#failure !== undefined) throw this.#failure;
      const found = await this.#digest(digest);
      if (found !== digest) throw digestMismatch(digest, found);
      if ((await sizeOf(target)) !== this.#offset) {
        await context.publisher.sync(file);
        context.publisher.protect(file);
        await context.publisher.publish(this.#path, digest);
      }
      return { digest, size: this.#offset };
    } catch (cause) {
      throw writeError(cause, this.#path);
    } finally {
      await this.#end();
    }
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#writing.catch(() => undefined);
    await this.#end();
  }

  #writeLater(chunk: Uint8Array, position: number): Promise<void> {
    const { file, context } = this.#parts;
    this.#hash.update(chunk);
    this.#offset += chunk.byteLength;
    const written = writeWholeLater(context.io, file.fd, chunk, position).catch(
      (cause: unknown) => {
        this.#failure ??= writeError(cause, this.#path);
        throw this.#failure;
      },
    );
    this.#writing = Promise.all([this.#writing, written]).then(() => undefined);
    // Whoever awaits `written` hears of it; `commit` asks `#failure`.
    this.#writing.catch(() => undefined);
    return written;
  }

  async #digest(wanted: Digest): Promise<Digest> {
    if (digestAlgorithm(wanted) === 'sha256') return finishDigest('sha256', this.#hash);
    const all = new RangeSet([{ start: 0, end: this.#offset }]);
    const other = new FrontierHash(wanted, this.#parts.file, all);
    await other.advanceTo(this.#offset);
    return other.prefixDigest().prefix;
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#open) return;
    throw new LongshoreError(`The upload ${this.id} has ended already`, {
      code: 'ERR_UPLOAD_CLOSED',
      origin: 'store',
    });
  }

  async #end(): Promise<void> {
    await this.#parts.file.close();
    await removeQuietly(this.#path);
    this.#parts.onEnd(this);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}
