import { errnoOf } from '../errors.ts';
import { discardBody } from './body.ts';
import { bareHostname, defaultPort } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import { changeRequest, type Exchange, type HttpResponse } from './http.ts';
import { tls } from './tls.ts';

export interface SchemeOptions {
  readonly mayUsePlainHttp: (url: URL) => boolean;
  /** Whether a TLS server is at this address. */
  readonly speaksTls: (url: URL, signal: AbortSignal | undefined) => Promise<boolean>;
}

/**
 * HTTPS everywhere, except on hosts where plain HTTP is allowed: those are asked in plain HTTP
 * until they answer. What closes at once, or gives the 400 that TLS servers have for plain
 * requests, is tried for TLS. What is found holds for the host from then on. The other order would
 * make every plain server on loopback read a TLS handshake first.
 */
export function withSchemeChoice(next: Exchange, options: SchemeOptions): Exchange {
  const chosen = new Map<string, 'http:' | 'https:'>();

  return async (request) => {
    const { url, signal } = request;
    if (!options.mayUsePlainHttp(url)) return next(request);
    const inScheme = (protocol: 'http:' | 'https:'): Promise<HttpResponse> =>
      next(changeRequest(request, { url: withScheme(url, protocol) }));
    const known = chosen.get(url.host);
    if (known !== undefined) return inScheme(known);
    const outcome = await attempt(inScheme('http:'));
    if (mayBeTls(outcome, url) && (await options.speaksTls(url, signal))) {
      chosen.set(url.host, 'https:');
      if (outcome.response !== undefined) await discardBody(outcome.response);
      return inScheme('https:');
    }
    if (outcome.response === undefined) throw outcome.error;
    chosen.set(url.host, 'http:');
    return outcome.response;
  };
}

interface Outcome {
  readonly response?: HttpResponse;
  readonly error?: unknown;
}

async function attempt(sent: Promise<HttpResponse>): Promise<Outcome> {
  try {
    return { response: await sent };
  } catch (error) {
    return { error };
  }
}

const CLOSED: ReadonlySet<string | undefined> = new Set([
  'ECLOSED',
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
]);

/** Go and nginx answer plain requests to TLS ports with a 400, others with an alert or a close. */
function mayBeTls({ response, error }: Outcome, url: URL): boolean {
  if (response !== undefined) return response.status === 400;
  // How a proxy fails says nothing of the host behind it.
  if (!(error instanceof RegistryError) || error.code === 'ERR_PROXY') return false;
  const { cause } = error;
  // Without a port the two schemes are at two ports.
  if (errnoOf(cause) === 'ECONNREFUSED') return url.port === '';
  return CLOSED.has(errnoOf(cause)) || (cause instanceof Error && cause.name === 'HTTPParserError');
}

function withScheme(url: URL, protocol: 'http:' | 'https:'): URL {
  if (url.protocol === protocol) return url;
  // Through text: setting `protocol` would keep an explicit port that is the other scheme's default.
  return new URL(`${protocol}//${url.host}${url.pathname}${url.search}`);
}

/** Tries a TLS handshake, and says nothing in it: who the server is, is the real request's matter. */
export function speaksTls(
  url: URL,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = tls().connect({
    host: bareHostname(url.hostname),
    port: Number(url.port === '' ? defaultPort(url) : url.port),
    rejectUnauthorized: false,
    // Nothing is verified, so no roots are read.
    ca: [],
  });
  const stop = (): void => void socket.destroy();
  const timer = setTimeout(stop, timeoutMs);
  signal?.addEventListener('abort', stop, { once: true });
  socket.once('secureConnect', () => resolve(true));
  socket.once('error', stop);
  socket.once('close', () => resolve(false));
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    stop();
  });
}
