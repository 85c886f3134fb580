import type { FileHandle } from 'node:fs/promises';
import { errnoOf, LongshoreError } from '../errors.ts';
import type { Descriptor } from '../image/index.ts';
import type { BlobPublisher } from './blobPublisher.ts';
import type { FrontierHash, OrderedHash, PrefixDigest } from './frontierHash.ts';
import type { HashThread } from './hashThread.ts';
import type { HeldLease } from './heldLease.ts';
import type { IngestFolder } from './ingestFolder.ts';
import { RangeSet } from './rangeSet.ts';
import { digestMismatch, leaseLost, writeError } from './storeErrors.ts';
import { SyncPace } from './syncPace.ts';
import { ThreadedHash } from './threadedHash.ts';
import type { ByteRange, Ingest } from './types.ts';
import { type WriteIo, writeWhole, writeWholeLater } from './writeIo.ts';

/** What an ingest is made of; `openIngest` puts it together. */
export interface FileIngestParts {
  readonly descriptor: Descriptor;
  readonly lease: HeldLease;
  readonly folder: IngestFolder;
  readonly file: FileHandle;
  /** What is in the file; shared with `hash`. */
  readonly landed: RangeSet;
  readonly hash: FrontierHash;
  readonly hashThread: HashThread;
  readonly publisher: BlobPublisher;
  readonly io: WriteIo;
  readonly asyncWrites: boolean;
  readonly checkpointBytes: number;
  readonly clock: () => number;
  /** More is in the file. */
  readonly onGrowth: () => void;
  readonly onEnd: () => void;
}

/**
 * A blob being written into its ingest folder. The common case, the next chunk in order on a local
 * disk, is one blocking write and one hash update on the caller's buffer: nothing is allocated.
 */
export class FileIngest implements Ingest {
  readonly descriptor: Descriptor;
  readonly resumedBytes: number;
  readonly #parts: FileIngestParts;
  readonly #landed: RangeSet;
  /** What is in the file or on its way to it; the same set as `landed` when writes block. */
  readonly #claimed: RangeSet;
  #hash: OrderedHash;
  /** Settles when this thread does not read the file any more, once another hashes it. */
  #handedOver: Promise<void> | undefined;
  /** Tells the thread that it is done, where the hash was kept for balance. */
  #kept: (() => void) | undefined;
  readonly #pace: SyncPace;
  readonly #inFlight = new Set<Promise<void>>();
  #checkpointing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: LongshoreError | undefined;
  /** A failed sync means that the file may lack what was written to it, whatever reads say. */
  #syncFailed = false;
  #state: 'open' | 'committing' | 'closed' = 'open';
  #published = false;

  constructor(parts: FileIngestParts) {
    this.#parts = parts;
    this.descriptor = parts.descriptor;
    this.#landed = parts.landed;
    this.#hash = parts.hash;
    this.#claimed = parts.asyncWrites ? new RangeSet(parts.landed.toArray()) : parts.landed;
    this.resumedBytes = parts.landed.bytes;
    const { checkpointBytes, descriptor } = parts;
    this.#pace = new SyncPace({ size: descriptor.size, checkpointBytes, nowMs: parts.clock() });
  }

  get signal(): AbortSignal {
    return this.#parts.lease.signal;
  }

  /** Where its bytes are until it is published. */
  get dataPath(): string {
    return this.#parts.folder.dataPath;
  }

  /** How many bytes are there from the first on; they stay as they are. */
  get prefixBytes(): number {
    return this.#landed.endOf(0);
  }

  /** `given-up` keeps or drops what has come: whoever goes on does so in an ingest of its own. */
  get outcome(): 'open' | 'published' | 'given-up' {
    if (this.#published) return 'published';
    return this.#state === 'closed' ? 'given-up' : 'open';
  }

  missing(): readonly ByteRange[] {
    return this.#claimed.gaps(0, this.descriptor.size);
  }

  hashElsewhere(): void {
    const { hash, hashThread, file } = this.#parts;
    const { digest, size } = this.descriptor;
    if (this.#hash !== hash || this.#state !== 'open' || this.#kept !== undefined) return;
    if (hash.frontier > size / 2 || !hashThread.pays(size - hash.frontier)) return;
    this.#kept = hashThread.keep(size);
    if (this.#kept !== undefined) return hash.readBackAtEnd();
    this.#handedOver = hash.stop();
    this.#hash = new ThreadedHash(hashThread, { digest, size, file, landed: this.#landed });
    this.#hash.follow();
  }

  write(offset: number, chunk: Uint8Array): undefined | Promise<void> {
    const end = offset + chunk.byteLength;
    this.#checkWrite(offset, end);
    const nowMs = this.#parts.clock();
    if (nowMs > this.#parts.lease.validUntilMs) return this.#writeOnceConfirmed(offset, chunk);
    if (this.#claimed.overlaps(offset, end)) return this.#writeGaps(offset, chunk);
    if (this.#parts.asyncWrites) return this.#placeLater(offset, chunk);
    return this.#place(offset, chunk, nowMs);
  }

  async commit(): Promise<void> {
    this.#checkOpen();
    this.#state = 'committing';
    // The disk works while what came out of order is still hashed.
    this.#syncing = this.#sync();
    this.#syncing.catch(() => undefined);
    try {
      await this.#finishHash();
      await this.#publish(this.#syncing);
    } catch (error) {
      if (this.#state === 'committing') this.#state = 'open';
      throw error;
    }
  }

  async release(): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#syncFailed) return this.discard();
    await this.#close('keep');
    await this.#parts.lease.free();
  }

  async discard(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.#close();
    await this.#parts.folder.remove();
    await this.#parts.lease.free();
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw closed(this.descriptor);
    if (this.signal.aborted) throw leaseLost(this.descriptor.digest);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #checkWrite(offset: number, end: number): void {
    this.#checkOpen();
    if (end <= this.descriptor.size && offset >= 0 && Number.isSafeInteger(offset)) return;
    const { digest, size } = this.descriptor;
    throw new LongshoreError(`More came for ${digest} than its ${size} bytes: up to byte ${end}`, {
      code: 'ERR_BLOB_TOO_LONG',
      origin: 'registry',
      hint: 'The manifest and the blob disagree about its size; push the image again',
    });
  }

  /** The hot path. */
  #place(offset: number, chunk: Uint8Array, nowMs: number): undefined {
    const { file, io, folder } = this.#parts;
    const end = offset + chunk.byteLength;
    try {
      writeWhole(io, file.fd, chunk, offset);
      this.#landed.add(offset, end);
      this.#hash.offer(offset, chunk);
      this.#hash.follow();
      folder.pieces.note(offset, end);
    } catch (cause) {
      throw writeError(cause, folder.dataPath);
    }
    this.#parts.onGrowth();
    this.#keepPace(chunk.byteLength, nowMs);
    return undefined;
  }

  async #placeLater(offset: number, chunk: Uint8Array): Promise<void> {
    const { file, io, clock } = this.#parts;
    const end = offset + chunk.byteLength;
    this.#claimed.add(offset, end);
    this.#hash.offer(offset, chunk);
    const writing = writeWholeLater(io, file.fd, chunk, offset);
    this.#inFlight.add(writing);
    try {
      await writing;
      this.#landed.add(offset, end);
      this.#hash.follow();
      this.#parts.folder.pieces.note(offset, end);
    } catch (cause) {
      // The range is claimed and, at the frontier, hashed: there is no way back to it in this ingest.
      this.#failure ??= writeError(cause, this.#parts.folder.dataPath);
      throw this.#failure;
    } finally {
      this.#inFlight.delete(writing);
    }
    this.#parts.onGrowth();
    this.#keepPace(chunk.byteLength, clock());
  }

  /** Something of the chunk is there already: only what is missing is written. */
  #writeGaps(offset: number, chunk: Uint8Array): undefined | Promise<void> {
    const waits: Promise<void>[] = [];
    for (const { start, end } of this.#claimed.gaps(offset, offset + chunk.byteLength)) {
      const wait = this.write(start, chunk.subarray(start - offset, end - offset));
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  /** This process was stopped for long enough that another may have taken over. */
  async #writeOnceConfirmed(offset: number, chunk: Uint8Array): Promise<void> {
    if (!(await this.#parts.lease.confirm())) throw leaseLost(this.descriptor.digest);
    await this.write(offset, chunk);
  }

  #keepPace(bytes: number, nowMs: number): void {
    this.#pace.landed(bytes);
    if (this.#checkpointing !== undefined || this.#landed.bytes === this.descriptor.size) return;
    const next = this.#pace.next(nowMs, this.#parts.publisher.hasRoom);
    if (next === undefined) return;
    this.#checkpointing = (next === 'checkpoint' ? this.#checkpoint() : this.#syncNow()).then(
      () => {
        this.#checkpointing = undefined;
      },
    );
  }

  /** Puts on record what survives a crash of the machine. */
  async #checkpoint(): Promise<void> {
    let hashed: PrefixDigest;
    try {
      hashed = await this.#hash.prefix();
    } catch (cause) {
      return this.#failSync(cause);
    }
    const synced = this.#landed.toArray();
    // What is written later is hashed before it lands.
    const prefix = this.#landed.endOf(0) >= hashed.offset ? hashed : undefined;
    if (!(await this.#syncNow())) return;
    // Without the record a crash costs more, nothing else: a full disk shows in the data soon enough.
    await this.#parts.folder.recordCheckpoint(synced, prefix).catch(() => undefined);
  }

  /** Syncs what has landed; false, and on record, when that fails. */
  async #syncNow(): Promise<boolean> {
    const { publisher, file } = this.#parts;
    try {
      await publisher.sync(file);
      return true;
    } catch (cause) {
      this.#failSync(cause);
      return false;
    }
  }

  #failSync(cause: unknown): void {
    this.#syncFailed = true;
    this.#failure ??= writeError(cause, this.#parts.folder.dataPath);
  }

  async #finishHash(): Promise<void> {
    const { folder } = this.#parts;
    const { digest, size } = this.descriptor;
    await Promise.allSettled(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
    const { offset, prefix: found } = await this.#hash.settle().catch((cause: unknown) => {
      throw writeError(cause, folder.dataPath);
    });
    if (offset !== size || this.#landed.bytes !== size) {
      throw new LongshoreError(
        `${digest} is not complete: ${this.#landed.bytes} of ${size} bytes`,
        {
          code: 'ERR_BLOB_INCOMPLETE',
          origin: 'network',
          retryable: true,
          hint: 'What is there is kept; running the command again fetches the rest',
        },
      );
    }
    if (found === digest) return;
    await this.discard();
    throw digestMismatch(digest, found);
  }

  async #sync(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#checkpointing;
    if (!(await this.#syncNow())) throw this.#failure;
  }

  async #publish(synced: Promise<void>): Promise<void> {
    const { publisher, file, folder, lease } = this.#parts;
    const { digest } = this.descriptor;
    try {
      await synced;
      publisher.protect(file);
      if (!(await lease.confirm())) throw leaseLost(digest);
      await publisher.publish(folder.dataPath, digest);
      this.#published = true;
    } catch (cause) {
      // Nobody but a new holder moves the folder of this one away.
      if (errnoOf(cause) === 'ENOENT') {
        await lease.beat();
        throw leaseLost(digest);
      }
      throw writeError(cause, folder.dataPath);
    }
    await this.#close();
    await folder.remove();
    await lease.remove();
  }

  async #close(leftover?: 'keep'): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#kept?.();
    const { folder, file } = this.#parts;
    await Promise.allSettled(this.#inFlight);
    const hashing = [this.#hash.stop(), this.#handedOver];
    await Promise.allSettled([...hashing, this.#checkpointing, this.#syncing]);
    if (leftover === 'keep') folder.flushPieces();
    folder.pieces.close();
    await file.close();
    this.#parts.onEnd();
  }
}

function closed(descriptor: Descriptor): LongshoreError {
  return new LongshoreError(`The ingest of ${descriptor.digest} has ended already`, {
    code: 'ERR_INGEST_CLOSED',
    origin: 'store',
  });
}
