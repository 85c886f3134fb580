/** The local content store: blobs, unfinished blobs, references, leases; verify, prune, clear. */

export type { HolderIdentity } from '../holder.ts';
export { BuiltImages } from './builtImages.ts';
export type { ChosenReference } from './choosePrune.ts';
export { type ClearOptions, clearStore } from './clearStore.ts';
export { isGroupFolder, listFolder, replaceFile, storeModes } from './files.ts';
export type { NameIo } from './nameIo.ts';
export { openStore, type StoreOptions } from './openStore.ts';
export type { PrunedLeftover } from './pruneLeftovers.ts';
export { type PruneOptions, type PruneResult, pruneStore } from './pruneStore.ts';
export type { QuotaLeft } from './quota.ts';
export { type SharedBy, type ShareOptions, shareBlob } from './shareBlob.ts';
export { readSpace, type Space } from './space.ts';
export { makeFolder } from './storeFormat.ts';
export { type ReferenceUsage, readStoreUsage, type StoreUsage } from './storeUsage.ts';
export type {
  BlobReadOptions,
  ByteRange,
  Claim,
  Ingest,
  IngestOptions,
  Store,
  StoredReference,
  Upload,
} from './types.ts';
export {
  type StoreProblem,
  type VerifyOptions,
  type VerifyResult,
  verifyStore,
} from './verifyStore.ts';
export type { WriteIo } from './writeIo.ts';
export { writeTwin } from './writeTwin.ts';
