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
export { createQueue } from './localQueue.ts';
export type { AcquireOptions, Permit, PermitKind } from './permit.ts';
export { createPool } from './pool.ts';
export type {
  MapEvent,
  MapOptions,
  Pool,
  PoolKind,
  PoolOptions,
  SubmitOptions,
} from './poolTypes.ts';
export type { Delivery, LocalQueue, Queue, QueueOptions, WaitOptions } from './queue.ts';
export { openQueue, type QueueHandle } from './sharedQueues.ts';
export {
  type Task,
  type TaskContext,
  type TaskFunction,
  type TaskReference,
  task,
} from './task.ts';
export { checkWidth } from './width.ts';
