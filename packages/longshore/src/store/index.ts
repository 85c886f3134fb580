/** The local content store: blobs, unfinished blobs, references, leases; verify and prune. */
export type { HolderIdentity } from './holder.ts';
export { LEASE_DEFAULTS, openStore, type StoreOptions } from './openStore.ts';
export type {
  BlobReadOptions,
  ByteRange,
  Ingest,
  IngestOptions,
  Store,
  StoredReference,
  Upload,
} from './types.ts';
export type { WriteIo } from './writeIo.ts';
