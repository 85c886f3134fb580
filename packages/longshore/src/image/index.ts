/** References, digests, descriptors, manifests, platforms: pure data and functions, no I/O. */
export type { Descriptor } from './descriptor.ts';
export {
  createDigestHash,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  digestOf,
  finishDigest,
  isDigest,
  parseDigest,
  shortDigest,
} from './digest.ts';
export {
  type Index,
  MAX_MANIFEST_BYTES,
  type Manifest,
  manifestBlobs,
  parseManifest,
  readDescriptor,
} from './manifest.ts';
export {
  isIndexType,
  isManifestType,
  isSchema1Type,
  MANIFEST_ACCEPT,
  MEDIA_TYPES,
} from './mediaTypes.ts';
export { isDockerDocument, ociTwin } from './ociTwin.ts';
export {
  compatiblePlatforms,
  formatPlatform,
  normalisePlatform,
  type Platform,
  parsePlatform,
  platformOf,
  samePlatform,
  selectPlatform,
} from './platform.ts';
export {
  DEFAULT_REGISTRY,
  formatReference,
  isRegistryHost,
  parseReference,
  type Reference,
  referenceTarget,
} from './reference.ts';
