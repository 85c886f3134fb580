/** The registry over a store: embedded default, test double with faults on demand, site mirror. */
export type { Action, AllowRule, AuthOptions, BasicAuthOptions, TokenAuthOptions } from './auth.ts';
export type {
  CrowdFault,
  FaultEffects,
  FaultMatch,
  FaultRule,
  Faults,
  RangeFault,
  RedirectFault,
  RequestKind,
} from './faults.ts';
export type { RegistryServer, RegistryServerOptions } from './options.ts';
export {
  type SeedArtifactOptions,
  type SeededImage,
  type SeedImageOptions,
  seedArtifact,
  seedImage,
} from './seedImage.ts';
export type { SeedLayer } from './seedLayer.ts';
export { createRegistryServer } from './server.ts';
export type { RegistryStats, RequestRecord } from './stats.ts';
