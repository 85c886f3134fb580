import type { Descriptor, Digest } from '../image/index.ts';

/** Bytes `start` to `end`, `end` not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What `Store.open` gives: bounded reads of a blob that is complete. */
export interface BlobReadOptions extends Partial<ByteRange> {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A blob on its way in. It is held by one process at a time (a lease), and what it has written
 * survives that process: the next `Store.ingest` of the same digest goes on from there.
 */
export interface Ingest {
  readonly descriptor: Descriptor;
  /** What is still to be written, in order; empty once everything is there. Shrinks with writes. */
  missing(): readonly ByteRange[];
  /** Bytes that were already there when this ingest was opened. */
  readonly resumedBytes: number;
  /**
   * Aborted when this process has lost the lease (a heartbeat that could not be written in time):
   * whoever writes must stop.
   */
  readonly signal: AbortSignal;
  /**
   * Has another thread hash, from the file: for blobs that come out of order, which are read back
   * anyway. Of several some are kept and read back at their end, when this thread has nothing else to
   * do. Without effect where little is left to hash or more than half is hashed, and where the store
   * has no such thread.
   */
  hashElsewhere(): void;
  /**
   * Writes one chunk at `offset`. The chunk belongs to the caller again once this returns (when
   * it returns nothing) or once the promise settles. Chunks at the hashing frontier are hashed as
   * they pass; others are read back and hashed when the frontier reaches them.
   * Bytes that are there already are passed over: the first to write a byte wins, so that nothing
   * changes on disk after it was hashed.
   * @throws LongshoreError `ERR_BLOB_TOO_LONG`, `ERR_DISK_FULL`, `ERR_STORE_WRITE`,
   *   `ERR_LEASE_LOST`, `ERR_INGEST_CLOSED`
   */
  write(offset: number, chunk: Uint8Array): undefined | Promise<void>;
  /**
   * Verifies the digest over all bytes, syncs, and publishes the blob under its digest.
   * @throws LongshoreError `ERR_DIGEST_MISMATCH` (what was there is thrown away, so that the next
   *   try starts clean), `ERR_BLOB_INCOMPLETE`, `ERR_DISK_FULL`, `ERR_LEASE_LOST`
   */
  commit(): Promise<void>;
  /** Lets go and keeps what is there for a later resume. Idempotent; a no-op after `commit`. */
  release(): Promise<void>;
  /** Lets go and throws away what is there. */
  discard(): Promise<void>;
}

export interface IngestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another process holds the blob and this one starts to wait for it. */
  readonly onWait?: ((holder: string) => void) | undefined;
  /** While waiting: how many bytes the other process has by now. */
  readonly onWaitProgress?: ((bytes: number) => void) | undefined;
  /** While what an earlier run has left is read and hashed again: how many bytes of it by now. */
  readonly onVerifyProgress?: ((bytes: number) => void) | undefined;
}

/** An upload whose digest is not known before its last byte; what a registry receives. */
export interface Upload {
  readonly id: string;
  /** Bytes written so far. */
  readonly offset: number;
  write(chunk: Uint8Array): undefined | Promise<void>;
  /** @throws LongshoreError `ERR_DIGEST_MISMATCH` */
  commit(digest: Digest): Promise<{ readonly digest: Digest; readonly size: number }>;
  abort(): Promise<void>;
}

/** A name that no other process works on meanwhile. */
export interface Claim {
  /** Aborted when it is lost (a heartbeat that could not be written in time). */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

export interface StoredReference {
  /** The whole name, as `formatReference` prints it. */
  readonly name: string;
  readonly descriptor: Descriptor;
  /**
   * The same image in OCI's media types, where it came in Docker's: what the layout's `index.json` names,
   * since OCI tools do not read the other.
   */
  readonly twin?: Descriptor | undefined;
  /**
   * An index that the name was found by, and that is kept with it: asked for by that index's digest, the
   * image is found again without a registry.
   */
  readonly root?: Descriptor | undefined;
}

/**
 * Content by digest, references to it by name. A directory of it is a valid OCI image layout.
 * Safe for several processes, and for several nodes on a shared file system.
 */
export interface Store {
  readonly path: string;
  /** Made by the call that opened it, and without a name in it so far. */
  readonly isNew: boolean;
  /** True when the blob is complete and of the right size. Does not read it. */
  has(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>;
  /** Size in bytes, or `undefined` when it is not there. */
  stat(digest: Digest): Promise<number | undefined>;
  /** Where a complete blob is, for linking and for handing to other tools. */
  blobPath(digest: Digest): string;
  /** @throws LongshoreError `ERR_BLOB_NOT_FOUND` */
  open(digest: Digest, options?: BlobReadOptions): Promise<NodeJS.ReadableStream>;
  /** A small blob as a whole. @throws LongshoreError `ERR_BLOB_NOT_FOUND`, `ERR_BLOB_TOO_LARGE` */
  read(digest: Digest, maxBytes: number): Promise<Buffer>;
  /** Publishes bytes in memory: manifests, configs. Idempotent. */
  put(mediaType: string, bytes: Uint8Array): Promise<Descriptor>;
  /** Bytes that an earlier, unfinished ingest has left for this blob; for planning. */
  partialBytes(digest: Digest): Promise<number>;
  /**
   * Opens the blob for writing, or returns `undefined` when it is complete: it was there already,
   * or another process that held it has finished it meanwhile. A dead holder's lease is taken over.
   */
  ingest(descriptor: Descriptor, options?: IngestOptions): Promise<Ingest | undefined>;
  /**
   * Reads a blob from its first byte while this process brings it in: what has come in order is given
   * as it comes. The end is given only once the blob is verified and published, so whoever has read
   * all of it has read what the digest names. Waits for as long as that takes.
   * @throws LongshoreError `ERR_BLOB_WITHDRAWN` when what it has read did not become the blob
   */
  follow(
    blob: Pick<Descriptor, 'digest' | 'size'>,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  upload(): Promise<Upload>;
  /**
   * Keeps other processes, on this node and on others, from working on something of that name.
   * @throws LongshoreError `ERR_CLAIMED` while another process holds it
   */
  claim(name: string, signal?: AbortSignal): Promise<Claim>;
  /** @param root the index above it by which it was found, where there is one */
  setReference(name: string, descriptor: Descriptor, root?: Descriptor): Promise<void>;
  getReference(name: string): Promise<Descriptor | undefined>;
  deleteReference(name: string): Promise<boolean>;
  /** Marks a reference as used now, for `prune`. False when it is not there or not ours to touch. */
  touchReference(name: string): Promise<boolean>;
  references(): Promise<readonly StoredReference[]>;
  /** Free bytes and inodes for an unprivileged writer, where the file system tells. */
  space(): Promise<{ readonly freeBytes: number; readonly freeInodes: number | undefined }>;
  /** Writes what is pending (`index.json`), lets go of leases. */
  close(): Promise<void>;
}
