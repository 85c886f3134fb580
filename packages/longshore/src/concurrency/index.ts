export { wasTrial } from './ceilingTrial.ts';
export { type Controller, fixed, type TimedSample } from './controller.ts';
export { elastic } from './elastic.ts';
export { createElasticCoordinator, type ElasticCoordinator } from './elasticCoordinator.ts';
export { ELASTIC_RULES, type ElasticRules } from './elasticRules.ts';
export type {
  Admission,
  ElasticController,
  ElasticOptions,
  ElasticPhase,
  ElasticSample,
  Knee,
} from './elasticTypes.ts';
export type { Bound, Elasticity, Verdict, VerdictEvidence } from './elasticVerdict.ts';
export { createFlights, type Flights } from './flights.ts';
export { type InterruptOptions, type InterruptSource, onInterrupt } from './interrupt.ts';
export { createKeyedLimiter, type KeyedLimiter, type KeyedLimiterOptions } from './keyedLimiter.ts';
export { createLimiter, type Limiter, type LimiterOptions, type LimiterState } from './limiter.ts';
export { createQueue } from './localQueue.ts';
export { onAbort } from './onAbort.ts';
export type { AcquireOptions, Permit, PermitKind } from './permit.ts';
export { pipeline } from './pipeline.ts';
export type {
  Pipeline,
  PipelineEvent,
  PipelineOptions,
  PipelineOutcome,
  PipelineReport,
  PipelineStart,
  StageContext,
  StageOptions,
  StageQueue,
} from './pipelineTypes.ts';
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
export { stallAverse } from './stallAverse.ts';
export { STALL_AVERSE_RULES, type StallAverseRules } from './stallAverseRules.ts';
export type {
  RememberedCeiling,
  StallAverseController,
  StallAverseOptions,
  StallAverseSample,
  UploadState,
} from './stallAverseTypes.ts';
export {
  type Task,
  type TaskContext,
  type TaskFunction,
  type TaskReference,
  task,
} from './task.ts';
export { Turnstile } from './turnstile.ts';
export { checkWidth } from './width.ts';
