/** The client of the OCI distribution API: transport, auth, retries, manifests, blobs. */
export { createRegistry } from './createRegistry.ts';
export {
  type DockerCredentialsOptions,
  dockerCredentials,
} from './credentials/dockerCredentials.ts';
export type { HelperAction, HelperResult, RunHelper } from './credentials/helper.ts';
export { registryOfKey } from './credentials/serverKeys.ts';
export {
  eraseCredential,
  type StoreCredentialOptions,
  storeCredential,
} from './credentials/storeCredential.ts';
export type { Credential, CredentialAddress, CredentialStore } from './credentials/types.ts';
export { RegistryError, type RegistryErrorOptions } from './errors.ts';
export type { Mirror, Mirrors } from './mirrors.ts';
export type { Pem, RegistryOptions } from './options.ts';
export { type ProxySettings, readProxies } from './proxy.ts';
export { cleanText, redactUrl } from './redact.ts';
export {
  DEFAULT_RETRY_POLICY,
  isRetryableStatus,
  type RetryClass,
  type RetryPolicy,
  type RetryState,
  retryClass,
  retryDelay,
} from './retry.ts';
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
export type {
  BlobBody,
  ManifestBytes,
  RegistryUploads,
  UploadOptions,
  UploadSession,
} from './uploadTypes.ts';
