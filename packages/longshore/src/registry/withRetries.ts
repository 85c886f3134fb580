import { originOf } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import { describeRequest } from './redact.ts';
import { retryDelay } from './retry.ts';

/**
 * Runs an operation until it succeeds, or until the policy gives up on it; then its last error is
 * thrown. Every retry is reported before its wait.
 */
export async function withRetries<T>(
  operation: () => Promise<T>,
  options: ResolvedOptions,
  context: {
    readonly method: string;
    readonly url: URL;
    readonly signal: AbortSignal | undefined;
  },
): Promise<T> {
  const { signal } = context;
  const started = options.now();
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      const elapsedMs = options.now() - started;
      const random = options.random();
      const delayMs = retryDelay({ attempt, elapsedMs, error, random }, options.retry);
      if (delayMs === undefined) throw error;
      options.onEvent({
        type: 'registry.retry',
        origin: originOf(context.url),
        request: describeRequest(context),
        attempt,
        delayMs,
        reason: error instanceof RegistryError ? error.message : String(error),
      });
      await options.sleep(delayMs, signal);
    }
  }
}
