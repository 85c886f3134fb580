import type { Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  createDigestHash,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  finishDigest,
} from '../image/index.ts';
import type { RangeSet } from './rangeSet.ts';

const READ_BYTES = 1024 * 1024;

/** The digest of the first `offset` bytes. */
export interface PrefixDigest {
  readonly offset: number;
  readonly prefix: Digest;
}

/** Hashes a file in order while its bytes come in any order. */
export interface OrderedHash {
  /** A chunk that goes to this place of the file; it may be hashed from memory. */
  offer(offset: number, chunk: Uint8Array): void;
  /** More is in the file. */
  follow(): void;
  /** Waits until all that can be hashed is hashed. Throws what reading has met. */
  settle(): Promise<PrefixDigest>;
  /** The digest of what is hashed so far, without ending it. */
  prefix(): Promise<PrefixDigest>;
  /** Ends it; settles when the file is not read any more. */
  stop(): Promise<void>;
}

/** A place to go back to. */
export interface HashSnapshot {
  readonly hash: Hash;
  readonly frontier: number;
}

/**
 * Hashes on this thread. Chunks that come right at the frontier are
 * hashed from memory; others are read back from the file once the frontier reaches them.
 */
export class FrontierHash implements OrderedHash {
  readonly #algorithm: DigestAlgorithm;
  #hash: Hash;
  readonly #file: FileHandle;
  readonly #landed: RangeSet;
  #frontier = 0;
  #catchingUp: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;
  #readsBackAtEnd = false;

  /** @param landed what is in the file by now; the owner adds to it */
  constructor(digest: Digest, file: FileHandle, landed: RangeSet) {
    this.#algorithm = digestAlgorithm(digest);
    this.#hash = createDigestHash(digest);
    this.#file = file;
    this.#landed = landed;
  }

  /** Bytes hashed so far; all before it are hashed, none after it. */
  get frontier(): number {
    return this.#frontier;
  }

  offer(offset: number, chunk: Uint8Array): void {
    if (offset !== this.#frontier || this.#catchingUp !== undefined) return;
    this.#hash.update(chunk);
    this.#frontier += chunk.byteLength;
  }

  /** Leaves what comes out of order to `settle`: to read it back takes time from who writes. */
  readBackAtEnd(): void {
    this.#readsBackAtEnd = true;
  }

  /** Starts reading on when the file holds bytes at the frontier that were not offered there. */
  follow(): void {
    if (this.#catchingUp !== undefined || this.#stopped || this.#readsBackAtEnd) return;
    if (this.#landed.endOf(this.#frontier) <= this.#frontier) return;
    this.#catchingUp = this.#readOn(() => this.#landed.endOf(this.#frontier))
      .catch((error: unknown) => {
        this.#failure ??= error;
        this.#stopped = true;
      })
      .finally(() => {
        this.#catchingUp = undefined;
      });
  }

  async settle(): Promise<PrefixDigest> {
    this.#readsBackAtEnd = false;
    this.follow();
    while (this.#catchingUp !== undefined) {
      await this.#catchingUp;
      this.follow();
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.prefixDigest();
  }

  async prefix(): Promise<PrefixDigest> {
    return this.prefixDigest();
  }

  /** Reads and hashes up to `end`, for what an earlier process has left. */
  async advanceTo(end: number, onProgress?: (bytes: number) => void): Promise<void> {
    await this.#readOn(() => end, onProgress);
  }

  /** Goes back to a state that `snapshot` gave. */
  rewind(to: HashSnapshot): void {
    this.#hash = to.hash.copy();
    this.#frontier = to.frontier;
  }

  snapshot(): HashSnapshot {
    return { hash: this.#hash.copy(), frontier: this.#frontier };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#catchingUp;
  }

  /** The digest of what is hashed so far, without ending it. */
  prefixDigest(): PrefixDigest {
    return { offset: this.#frontier, prefix: finishDigest(this.#algorithm, this.#hash.copy()) };
  }

  async #readOn(limit: () => number, onProgress?: (bytes: number) => void): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let end = limit(); this.#frontier < end && !this.#stopped; end = limit()) {
      const length = Math.min(READ_BYTES, end - this.#frontier);
      const { bytesRead } = await this.#file.read(buffer, 0, length, this.#frontier);
      if (bytesRead === 0) throw new Error(`the file ends at ${this.#frontier}, before ${end}`);
      this.#hash.update(bytesRead === READ_BYTES ? buffer : buffer.subarray(0, bytesRead));
      this.#frontier += bytesRead;
      onProgress?.(this.#frontier);
    }
  }
}
