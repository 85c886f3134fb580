import { originOf } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import { describeRequest } from './redact.ts';
import { retryDelay } from './retry.ts';

/** Where the request went in the end: the scheme may have been found out on the way. */
function askedOf(
  error: unknown,
  context: { readonly method: string; readonly url: URL },
): { readonly origin: string; readonly request: string } {
  const request = error instanceof RegistryError ? error.request : undefined;
  const url = request?.slice(request.indexOf(' ') + 1) ?? '';
  const known = request !== undefined && URL.canParse(url);
  return {
    origin: originOf(known ? new URL(url) : context.url),
    request: known ? request : describeRequest(context),
  };
}

/**
 * Runs an operation until it succeeds, or until the policy gives up on it; then its last error is
 * thrown. Every retry is reported before its wait. Once, where the caller decides for itself.
 */
export async function withRetries<T>(
  operation: () => Promise<T>,
  options: ResolvedOptions,
  context: {
    readonly method: string;
    readonly url: URL;
    readonly signal: AbortSignal | undefined;
    /** @defaultValue true */
    readonly retry?: boolean | undefined;
  },
): Promise<T> {
  if (context.retry === false) return operation();
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
        ...askedOf(error, context),
        attempt,
        delayMs,
        reason: error instanceof RegistryError ? error.message : String(error),
      });
      await options.sleep(delayMs, signal);
    }
  }
}
