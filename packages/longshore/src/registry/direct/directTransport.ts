import { originOf } from '../endpoint.ts';
import type { HttpRequest, HttpResponse } from '../http.ts';
import { networkError } from '../networkError.ts';
import type { TransportParts } from '../tlsContext.ts';
import { Connection } from './connection.ts';
import { DirectCall, type Refusal } from './directCall.ts';
import { IdleConnections } from './idleConnections.ts';
import { RecordBuffer } from './recordBuffer.ts';

/** The lean transport: requests without a body, on direct connections. */
export interface DirectTransport {
  /** The response, or what was odd about it: then somebody else has to ask again. */
  exchange(request: HttpRequest): Promise<HttpResponse | OddResponse>;
  /** The least time that connecting to this host has taken; before that, `undefined`. */
  connectMs(url: URL): number | undefined;
  close(): void;
}

export type OddResponse = Extract<Refusal, { kind: 'odd' }>;

export function createDirectTransport(parts: TransportParts): DirectTransport {
  const { options: settings, watchdog, secureContext } = parts;
  const idle = new IdleConnections();
  const open = new Set<Connection>();
  const records = new RecordBuffer();
  /** By host and port: the same host may be tried in both schemes. */
  const connectMs = new Map<string, number>();

  async function connect(request: HttpRequest): Promise<Connection> {
    return Connection.open({
      url: request.url,
      timeoutMs: settings.connectTimeoutMs,
      secureContext,
      signal: request.signal,
      open,
      records,
      onConnected: (ms) => {
        const { host } = request.url;
        connectMs.set(host, Math.min(ms, connectMs.get(host) ?? ms));
      },
    });
  }

  async function call(
    request: HttpRequest,
    connection: Connection,
  ): Promise<HttpResponse | Refusal> {
    const origin = originOf(request.url);
    const release = (): void => idle.put(origin, connection);
    return new DirectCall({ request, connection, settings, watchdog, release }).send();
  }

  async function attempt(request: HttpRequest): Promise<HttpResponse | OddResponse> {
    for (;;) {
      const kept = idle.take(originOf(request.url));
      const outcome = await call(request, kept ?? (await connect(request)));
      // Kept connections run out, so this ends: a new one is never stale.
      if (!('kind' in outcome) || outcome.kind === 'odd') return outcome;
    }
  }

  return {
    async exchange(request) {
      try {
        request.signal?.throwIfAborted();
        return await attempt(request);
      } catch (error) {
        if (request.signal?.aborted === true) throw request.signal.reason;
        throw networkError(error, request);
      }
    },
    connectMs: ({ host }) => connectMs.get(host),
    close() {
      idle.close();
      for (const connection of open) connection.destroy();
    },
  };
}
