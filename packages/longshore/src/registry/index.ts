export type {
  BlobRequest,
  BlobStream,
  ChunkConsumer,
  FetchedManifest,
  PullQuota,
  Registry,
  RegistryEvent,
  RepositoryAddress,
} from './types.ts';
