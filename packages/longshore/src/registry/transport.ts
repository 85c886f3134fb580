import { createDirectTransport } from './direct/directTransport.ts';
import { originOf } from './endpoint.ts';
import type { HttpRequest, Transport } from './http.ts';
import type { ResolvedOptions } from './options.ts';
import { proxyFor } from './proxy.ts';
import { createTlsContext } from './tlsContext.ts';
import { createUndiciTransport } from './undiciExchange.ts';
import { createWatchdog } from './watchdog.ts';

/**
 * Chooses the reader for each request: the lean one for blobs and for HEADs (after which undici
 * closes the connection unless the server insists on keeping it), undici for all else and for what
 * the lean one finds odd. An origin that is odd on blobs is not asked twice for each of them.
 */
export function createTransport(options: ResolvedOptions): Transport {
  const watchdog = createWatchdog(options.stallTimeoutMs);
  const secureContext = createTlsContext(options);
  const undici = createUndiciTransport({ options, watchdog, secureContext });
  if (options.bodyPath === 'undici') return undici;
  const direct = createDirectTransport({ options, watchdog, secureContext });
  const oddOrigins = new Set<string>();

  function suitsDirect({ method, kind, url, body }: HttpRequest): boolean {
    const plain = method === 'HEAD' || (method === 'GET' && kind === 'blob');
    return (
      plain &&
      body === undefined &&
      proxyFor(url, options.proxy) === undefined &&
      !oddOrigins.has(originOf(url))
    );
  }

  return {
    async exchange(request) {
      if (!suitsDirect(request)) return undici.exchange(request);
      const outcome = await direct.exchange(request);
      if (!('kind' in outcome)) return outcome;
      if (outcome.status === 200 || outcome.status === 206) oddOrigins.add(originOf(request.url));
      return undici.exchange(request);
    },
    async close() {
      direct.close();
      await undici.close();
    },
  };
}
