import { originOf } from './endpoint.ts';
import { type Exchange, type HttpResponse, headerValue } from './http.ts';
import { readQuota, readWarnings } from './quota.ts';
import { cleanText } from './redact.ts';
import { parseRetryAfter } from './retryAfter.ts';
import type { RegistryEvent } from './types.ts';

const MAX_REMEMBERED_WARNINGS = 200;

/**
 * Reports what response heads tell besides their answer: throttling at once, quotas when they have
 * changed, a warning once.
 */
export function withObserver(next: Exchange, onEvent: (event: RegistryEvent) => void): Exchange {
  const quotas = new Map<string, number>();
  const warned = new Set<string>();

  function reportThrottling({ status, url, headers }: HttpResponse): void {
    if (status !== 429 && status !== 503) return;
    const retryAfterMs = parseRetryAfter(headerValue(headers, 'retry-after') ?? '', Date.now());
    onEvent({ type: 'registry.throttled', origin: originOf(url), status, retryAfterMs });
  }

  function reportQuota(registry: string, response: HttpResponse): void {
    const quota = readQuota(response.headers);
    if (quota === undefined || quotas.get(registry) === quota.remaining) return;
    quotas.set(registry, quota.remaining);
    onEvent({ type: 'registry.quota', registry, quota });
  }

  function reportWarnings(registry: string, response: HttpResponse): void {
    for (const raw of readWarnings(response.headers)) {
      const text = cleanText(raw);
      const key = `${registry} ${text}`;
      if (warned.has(key) || warned.size >= MAX_REMEMBERED_WARNINGS) continue;
      warned.add(key);
      onEvent({ type: 'registry.warning', registry, text });
    }
  }

  return async (request) => {
    const response = await next(request);
    reportThrottling(response);
    const registry = request.access?.registry;
    if (registry !== undefined) {
      reportQuota(registry, response);
      reportWarnings(registry, response);
    }
    return response;
  };
}
