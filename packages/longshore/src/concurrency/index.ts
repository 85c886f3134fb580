export { type Controller, fixed, type TimedSample } from './controller.ts';
export { createKeyedLimiter, type KeyedLimiter, type KeyedLimiterOptions } from './keyedLimiter.ts';
export { createLimiter, type Limiter, type LimiterOptions, type LimiterState } from './limiter.ts';
export type { AcquireOptions, Permit, PermitKind } from './permit.ts';
export { checkWidth } from './width.ts';
