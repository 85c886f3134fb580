import { randomBytes } from 'node:crypto';
import { open, readFile, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { errnoOf, LongshoreError } from '../errors.ts';
import { type Descriptor, type Digest, digestAlgorithm, digestOf } from '../image/index.ts';
import { claimName } from './claim.ts';
import type { FileIngest } from './fileIngest.ts';
import { removeQuietly } from './files.ts';
import { type FileUpload, startUpload } from './fileUpload.ts';
import { Followers } from './followers.ts';
import type { HeldLease } from './heldLease.ts';
import type { IndexWriter } from './indexWriter.ts';
import { readIngestRecords } from './ingestFolder.ts';
import { trustedRanges } from './ingestRecord.ts';
import { blobFile, ingestFolder } from './layout.ts';
import type { LeaseKeeper } from './leaseKeeper.ts';
import type { IngestContext } from './openIngest.ts';
import type { ReferenceBook } from './referenceBook.ts';
import { blobNotFound, readError, writeError } from './storeErrors.ts';
import type {
  BlobReadOptions,
  Claim,
  Ingest,
  IngestOptions,
  Store,
  StoredReference,
  Upload,
} from './types.ts';
import { waitForIngest } from './waitForIngest.ts';
import { writeTwin } from './writeTwin.ts';

export interface LocalStoreParts {
  readonly context: IngestContext;
  readonly book: ReferenceBook;
  readonly index: IndexWriter;
  readonly leases: LeaseKeeper;
  readonly staleMs: number;
  readonly isNew: boolean;
}

/** A blob that was used this recently is not marked again; `prune` counts with it. */
export const TOUCH_INTERVAL_MS: number = 10 * 60 * 1000;

/** A store in a directory; see `README.md` for what is where and what holds. */
export class LocalStore implements Store {
  readonly path: string;
  readonly #parts: LocalStoreParts;
  readonly #ingests = new Set<FileIngest>();
  readonly #followers = new Followers();
  readonly #uploads = new Set<FileUpload>();
  #isNew: boolean;
  /** Marks for `prune`: the second is there once something could not be marked as used. */
  #run: Promise<HeldLease | undefined> | undefined;
  #wideRun: Promise<HeldLease | undefined> | undefined;

  constructor(parts: LocalStoreParts) {
    this.#parts = parts;
    this.path = parts.context.layout.root;
    this.#isNew = parts.isNew;
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  blobPath(digest: Digest): string {
    return blobFile(this.#parts.context.layout, digest);
  }

  async has(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    const path = this.blobPath(descriptor.digest);
    try {
      const { size, mtimeMs } = await this.#parts.context.names.stat(path);
      if (size !== descriptor.size) return false;
      await this.#beginRun();
      if (Date.now() - mtimeMs > TOUCH_INTERVAL_MS) await this.#markUsed(path);
      return true;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw readError(cause, path);
    }
  }

  async stat(digest: Digest): Promise<number | undefined> {
    const path = this.blobPath(digest);
    try {
      return (await stat(path)).size;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return undefined;
      throw readError(cause, path);
    }
  }

  open(digest: Digest, options: BlobReadOptions = {}): Promise<NodeJS.ReadableStream> {
    return this.#openFile(digest, options);
  }

  async #openFile(digest: Digest, options: BlobReadOptions): Promise<Readable> {
    options.signal?.throwIfAborted();
    const start = Math.max(options.start ?? 0, 0);
    const path = this.blobPath(digest);
    try {
      const file = await open(path, 'r');
      const end = Math.min(options.end ?? Number.POSITIVE_INFINITY, (await file.stat()).size);
      if (start >= end) {
        await file.close();
        return Readable.from([]);
      }
      const { signal } = options;
      const bounds = { start, end: end - 1, highWaterMark: 256 * 1024 };
      return file.createReadStream(signal === undefined ? bounds : { ...bounds, signal });
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') throw blobNotFound(digest, cause);
      throw readError(cause, path);
    }
  }

  async read(digest: Digest, maxBytes: number): Promise<Buffer> {
    const path = this.blobPath(digest);
    let bytes: Buffer;
    try {
      const file = await open(path, 'r');
      try {
        const { size } = await file.stat();
        if (size > maxBytes) throw tooLarge(digest, size, maxBytes);
        bytes = await file.readFile();
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') throw blobNotFound(digest, cause);
      throw readError(cause, path);
    }
    // Small and read as a whole: looking costs next to nothing, a damaged manifest a lot.
    if (digestOf(bytes, digestAlgorithm(digest)) !== digest) throw damaged(digest);
    return bytes;
  }

  async put(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    if ((await this.has(descriptor)) && (await this.#holds(descriptor.digest, bytes))) {
      return descriptor;
    }
    await this.#beginRun();
    const { layout, publisher } = this.#parts.context;
    const path = join(layout.ingest, `.put-${randomBytes(8).toString('hex')}.tmp`);
    try {
      const file = await open(path, 'wx', 0o666);
      try {
        await file.writeFile(bytes);
        await publisher.sync(file);
        publisher.protect(file);
      } finally {
        await file.close();
      }
      await publisher.publish(path, descriptor.digest);
    } catch (cause) {
      await removeQuietly(path);
      throw writeError(cause, path);
    }
    return descriptor;
  }

  /** Bytes that are at hand mend for nothing what was damaged in the store. */
  async #holds(digest: Digest, bytes: Uint8Array): Promise<boolean> {
    try {
      return (await readFile(this.blobPath(digest))).equals(bytes);
    } catch {
      return false;
    }
  }

  async partialBytes(digest: Digest): Promise<number> {
    const { layout, bootId } = this.#parts.context;
    const records = await readIngestRecords(ingestFolder(layout, digest));
    const trusted = records.map((record) => {
      const size = record.state?.size ?? 0;
      return trustedRanges(record, { digest, size }, bootId).bytes;
    });
    return Math.max(0, ...trusted);
  }

  async ingest(descriptor: Descriptor, options: IngestOptions = {}): Promise<Ingest | undefined> {
    const { context, leases, staleMs } = this.#parts;
    await this.#beginRun();
    const has = (): Promise<boolean> => this.has(descriptor);
    const onEnd = (ended: FileIngest): void => {
      this.#ingests.delete(ended);
      this.#followers.ended(ended);
    };
    const onGrowth = (): void => this.#followers.wake(descriptor.digest);
    const needs = { context, leases, staleMs, has, onGrowth, onEnd };
    const ingest = await waitForIngest(needs, descriptor, options);
    if (ingest === undefined) {
      this.#followers.wake(descriptor.digest);
    } else {
      this.#ingests.add(ingest);
      this.#followers.opened(ingest);
    }
    return ingest;
  }

  follow(
    blob: Pick<Descriptor, 'digest' | 'size'>,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const whole = async (): Promise<AsyncIterable<Uint8Array> | undefined> =>
      (await this.has(blob)) ? this.#openFile(blob.digest, { signal }) : undefined;
    return this.#followers.follow({ blob, whole, signal });
  }

  async upload(): Promise<Upload> {
    await this.#beginRun();
    const upload = await startUpload(this.#parts.context, (ended) => this.#uploads.delete(ended));
    this.#uploads.add(upload);
    return upload;
  }

  claim(name: string, signal?: AbortSignal): Promise<Claim> {
    const { leases, staleMs } = this.#parts;
    return claimName(leases, name, { staleMs, signal });
  }

  async setReference(name: string, descriptor: Descriptor, root?: Descriptor): Promise<void> {
    this.#isNew = false;
    const twin = await writeTwin(this, descriptor);
    if (await this.#parts.book.set({ name, descriptor, twin, root })) this.#parts.index.schedule();
  }

  getReference(name: string): Promise<Descriptor | undefined> {
    return this.#parts.book.get(name);
  }

  async deleteReference(name: string): Promise<boolean> {
    const deleted = await this.#parts.book.delete(name);
    if (deleted) this.#parts.index.schedule();
    return deleted;
  }

  touchReference(name: string): Promise<boolean> {
    return this.#parts.book.touch(name);
  }

  async references(): Promise<readonly StoredReference[]> {
    const found = await this.#parts.book.list();
    return found.map(({ name, descriptor }) => ({ name, descriptor }));
  }

  async space(): Promise<{ readonly freeBytes: number; readonly freeInodes: number | undefined }> {
    try {
      const { bavail, bsize, files, ffree } = await statfs(this.path);
      return { freeBytes: bavail * bsize, freeInodes: files === 0 ? undefined : ffree };
    } catch (cause) {
      throw readError(cause, this.path);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#ingests].map((ingest) => ingest.release()));
    await Promise.all([...this.#uploads].map((upload) => upload.abort()));
    await this.#parts.context.hashThread.close();
    await this.#parts.index.flush();
    const runs = await Promise.all([this.#run, this.#wideRun]);
    this.#run = undefined;
    this.#wideRun = undefined;
    for (const run of runs) await run?.remove();
  }

  /** From the first use on, `prune` in other processes spares what this one relies on. */
  async #beginRun(): Promise<void> {
    // A store that cannot be written is not pruned either; the write that follows says so properly.
    this.#run ??= this.#parts.leases.startRun().catch(() => undefined);
    await this.#run;
  }

  /** Throws ENOENT when `prune` has just taken the blob away: then it is not there. */
  async #markUsed(path: string): Promise<void> {
    try {
      const now = new Date();
      await utimes(path, now, now);
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EROFS'].includes(errnoOf(error) ?? '')) throw error;
      // Somebody else's blob in a shared store: while this process runs, nothing may be pruned.
      this.#wideRun ??= this.#parts.leases.startRun(0).catch(() => undefined);
      await this.#wideRun;
    }
  }
}

function tooLarge(digest: Digest, size: number, maxBytes: number): LongshoreError {
  return new LongshoreError(`The blob ${digest} has ${size} bytes, over the limit of ${maxBytes}`, {
    code: 'ERR_BLOB_TOO_LARGE',
    origin: 'store',
  });
}

function damaged(digest: Digest): LongshoreError {
  return new LongshoreError(`The blob ${digest} is damaged in the store`, {
    code: 'ERR_BLOB_DAMAGED',
    origin: 'store',
    hint: 'Run longshore cache verify --repair, then pull again',
  });
}
