import { createDirectTransport } from './direct/directTransport.ts';
import { originOf } from './endpoint.ts';
import type { HttpRequest, Transport } from './http.ts';
import type { ResolvedOptions } from './options.ts';
import { proxyFor } from './proxy.ts';
import { createTlsContext } from './tlsContext.ts';
import { createWatchdog } from './watchdog.ts';

export interface MeasuredTransport extends Transport {
  /** The least time that connecting to this host has taken, where that was measured. */
  connectMs(url: URL): number | undefined;
}

/**
 * Chooses the reader for each request: the lean one for GET and HEAD on direct connections, undici
 * for all else and for what the lean one finds odd. A host that is odd once is not asked twice for
 * everything after that.
 *
 * undici is loaded when it is needed first, which on a plain pull is never: it costs 30 MiB and
 * some 60 ms, and it closes the connection after every HEAD unless the server insists on keeping it.
 */
export function createTransport(options: ResolvedOptions): MeasuredTransport {
  const watchdog = createWatchdog(options.stallTimeoutMs);
  const parts = { options, watchdog, secureContext: createTlsContext(options) };
  const direct = createDirectTransport(parts);
  const odd = new Set<string>();
  let undici: Promise<Transport> | undefined;

  async function loadUndici(): Promise<Transport> {
    const { createUndiciTransport } = await import('./undiciExchange.ts');
    return createUndiciTransport(parts);
  }

  function suitsDirect(request: HttpRequest): boolean {
    const { method, url, body } = request;
    return (
      options.bodyPath === 'auto' &&
      (method === 'GET' || method === 'HEAD') &&
      body === undefined &&
      proxyFor(url, options.proxy) === undefined &&
      !odd.has(oddKey(request))
    );
  }

  return {
    async exchange(request) {
      if (suitsDirect(request)) {
        const outcome = await direct.exchange(request);
        if (!('kind' in outcome)) return outcome;
        if (outcome.status === 200 || outcome.status === 206) odd.add(oddKey(request));
      }
      undici ??= loadUndici();
      return (await undici).exchange(request);
    },
    connectMs: (url) => direct.connectMs(url),
    async close() {
      direct.close();
      await (await undici)?.close();
    },
  };
}

/** Chunked manifests say nothing about the blobs of the same host. */
function oddKey({ kind, method, url }: HttpRequest): string {
  return `${kind} ${method} ${originOf(url)}`;
}
