/**
 * A name as it stands in the archive, one character a byte (`latin1`). Names in tars are bytes:
 * decoding them as UTF-8 would make two different broken names equal.
 */
export type ByteString = string;

export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo';

/** A run of bytes that are stored in the archive; all between the runs of a file are zeros. */
export interface SparseRun {
  /** Where in the file it belongs. */
  readonly offset: number;
  readonly bytes: number;
}

/** One member of an archive, all its extension headers applied. */
export interface TarEntry {
  /** Just as written: not cleaned, not checked. */
  readonly path: ByteString;
  readonly type: TarEntryType;
  /** Permission bits with set-uid, set-gid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch, with fractions where the archive has them. */
  readonly mtime: number;
  /** Bytes of the file once unpacked; 0 for all but files. */
  readonly size: number;
  /** Target of a symbolic or a hard link; else empty. */
  readonly linkPath: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs?: ReadonlyMap<ByteString, Buffer>;
  /** In ascending order, not overlapping; only on sparse files. */
  readonly sparse?: readonly SparseRun[];
}

/** What a `TarReader` calls. Chunks of data belong to the reader's caller: copy what must stay. */
export interface TarHandler {
  onEntry(entry: TarEntry): void;
  /** Stored bytes of the entry named last; for a sparse file its runs, one after the other. */
  onData(chunk: Buffer): void;
}

/** Limits on what one archive may ask of the reader's memory. */
export interface TarLimits {
  /**
   * Largest extension header (PAX records, long names, sparse maps), in bytes.
   * @defaultValue 1 MiB, as Go's archive/tar has it
   */
  readonly maxHeaderBytes?: number | undefined;
  /**
   * Most runs of one sparse file.
   * @defaultValue 65,536
   */
  readonly maxSparseRuns?: number | undefined;
}
