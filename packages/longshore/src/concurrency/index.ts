export { type Controller, fixed, type TimedSample } from './controller.ts';
export { ELASTIC_RULES, elastic } from './elastic.ts';
export { createElasticCoordinator, type ElasticCoordinator } from './elasticCoordinator.ts';
export type {
  Admission,
  ElasticController,
  ElasticOptions,
  ElasticPhase,
  ElasticSample,
  Knee,
} from './elasticTypes.ts';
export type { Bound, Elasticity, Verdict, VerdictEvidence } from './elasticVerdict.ts';
export { createKeyedLimiter, type KeyedLimiter, type KeyedLimiterOptions } from './keyedLimiter.ts';
export { createLimiter, type Limiter, type LimiterOptions, type LimiterState } from './limiter.ts';
export type { AcquireOptions, Permit, PermitKind } from './permit.ts';
export { checkWidth } from './width.ts';
