import { isLongshoreError } from '../errors.ts';
import { RegistryError } from './errors.ts';

/** When a failed request is sent again. Pure data; the same for requests and for bodies. */
export interface RetryPolicy {
  /** Tries in total, the first one counted. @defaultValue 6 */
  readonly maxAttempts: number;
  /** Upper end of the first wait after a network failure or a 5xx. @defaultValue 250 */
  readonly baseDelayMs: number;
  /** Upper end of the first wait after a 429 that does not say how long. @defaultValue 1000 */
  readonly throttledDelayMs: number;
  /** Upper end of every wait that we choose ourselves. @defaultValue 30_000 */
  readonly maxDelayMs: number;
  /**
   * From the first try to the start of the last. A `Retry-After` past this ends it at once: waiting
   * in vain helps nobody. @defaultValue 300_000
   */
  readonly maxElapsedMs: number;
}

/** Five retries end after half a minute at most; 5 minutes lets one `Retry-After` of minutes pass. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  maxAttempts: 6,
  baseDelayMs: 250,
  throttledDelayMs: 1000,
  maxDelayMs: 30_000,
  maxElapsedMs: 300_000,
});

/** Why a failure may be tried again. */
export type RetryClass = 'network' | 'throttled' | 'server';

/**
 * The class of a failure, or `undefined` where trying again cannot help: refusals (401, 403, 404,
 * 413), wrong content, and everything that is not an error of this library.
 */
export function retryClass(error: unknown): RetryClass | undefined {
  if (!isLongshoreError(error) || !error.retryable) return undefined;
  const status = error instanceof RegistryError ? error.status : undefined;
  if (status === 429) return 'throttled';
  return status === undefined ? 'network' : 'server';
}

/** 408, 429 and 5xx, apart from two that describe the server and not the moment. */
export function isRetryableStatus(status: number): boolean {
  if (status === 408 || status === 429) return true;
  return status >= 500 && status <= 599 && status !== 501 && status !== 505;
}

/** What `retryDelay` decides by. */
export interface RetryState {
  /** The try that has just failed, from 1. */
  readonly attempt: number;
  /** Since the first try began. */
  readonly elapsedMs: number;
  readonly error: unknown;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * Milliseconds to wait before the next try, or `undefined` to give up. Full jitter: anything from
 * nothing to the doubled-up limit, so that clients which failed together do not return together
 * (Brooker, "Exponential Backoff And Jitter", 2015). A `Retry-After` is never undercut, and gets
 * its jitter on top.
 */
export function retryDelay(state: RetryState, policy: RetryPolicy): number | undefined {
  const kind = retryClass(state.error);
  if (kind === undefined || state.attempt >= policy.maxAttempts) return undefined;
  const base = kind === 'throttled' ? policy.throttledDelayMs : policy.baseDelayMs;
  const limit = Math.min(policy.maxDelayMs, base * 2 ** (state.attempt - 1));
  const asked = state.error instanceof RegistryError ? state.error.retryAfterMs : undefined;
  const delay = asked === undefined ? state.random * limit : asked + state.random * base;
  return state.elapsedMs + delay > policy.maxElapsedMs ? undefined : delay;
}
