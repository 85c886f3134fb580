export type {
  BlobReadOptions,
  ByteRange,
  Ingest,
  IngestOptions,
  Store,
  StoredReference,
  Upload,
} from './types.ts';
