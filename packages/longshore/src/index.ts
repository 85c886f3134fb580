/**
 * What most programs need: pull images into a store. Each room has more under its own name:
 * `longshore/image`, `longshore/registry`, `longshore/store`, `longshore/transfer`,
 * `longshore/serve`, `longshore/export`, `longshore/tune`, `longshore/build`, `longshore/run`, `longshore/concurrency`.
 */
export {
  type ErrorOrigin,
  isLongshoreError,
  LongshoreError,
  type LongshoreErrorOptions,
} from './errors.ts';
export {
  type Descriptor,
  type Digest,
  formatReference,
  type Platform,
  parseDigest,
  parsePlatform,
  parseReference,
  platformOf,
  type Reference,
} from './image/index.ts';
export { createRegistry, type Registry, type RegistryOptions } from './registry/index.ts';
export { openStore, type Store, type StoreOptions } from './store/index.ts';
export {
  type EventListener,
  type ImageSink,
  type PulledImage,
  type PullOptions,
  type PullResult,
  pull,
  type TransferEvent,
} from './transfer/index.ts';
