import { discardBody } from './body.ts';
import { RegistryError } from './errors.ts';
import { changeRequest, type Exchange, type HttpResponse } from './http.ts';

/**
 * HTTPS everywhere, except on hosts where plain HTTP is allowed: those are asked in plain HTTP
 * until they answer. What does not look like HTTP, or is the 400 that TLS servers give to plain
 * requests, is asked again in TLS; the first good answer fixes the scheme of the host. The other
 * order would make every plain server on loopback read a TLS handshake first.
 */
export function withSchemeChoice(next: Exchange, mayUsePlainHttp: (url: URL) => boolean): Exchange {
  const chosen = new Map<string, 'http:' | 'https:'>();

  return async (request) => {
    const { url } = request;
    if (!mayUsePlainHttp(url)) return next(request);
    const known = chosen.get(url.host);
    if (known !== undefined) return next(changeRequest(request, { url: withScheme(url, known) }));
    const plain = withScheme(url, 'http:');
    const outcome = await attempt(next(changeRequest(request, { url: plain })));
    if (!mayBeTls(outcome)) {
      if (outcome.response !== undefined) chosen.set(url.host, 'http:');
      return settle(outcome);
    }
    request.signal?.throwIfAborted();
    const secure = changeRequest(request, { url: withScheme(url, 'https:') });
    const second = await attempt(next(secure));
    if (second.response === undefined && !isTlsVerdict(second.error)) return settle(outcome);
    chosen.set(url.host, 'https:');
    if (outcome.response !== undefined) await discardBody(outcome.response);
    return settle(second);
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

function settle({ response, error }: Outcome): HttpResponse {
  if (response === undefined) throw error;
  return response;
}

const CLOSED: ReadonlySet<string> = new Set(['ERR_NETWORK', 'ERR_RESPONSE_INVALID']);

function mayBeTls({ response, error }: Outcome): boolean {
  if (response !== undefined) return response.status === 400;
  return error instanceof RegistryError && CLOSED.has(error.code);
}

/** It is TLS, and something about its certificates is wrong: worth saying, never worth a downgrade. */
function isTlsVerdict(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    error.code.startsWith('ERR_TLS_') &&
    error.code !== 'ERR_TLS_PROTOCOL'
  );
}

function withScheme(url: URL, protocol: 'http:' | 'https:'): URL {
  if (url.protocol === protocol) return url;
  // Through text: setting `protocol` would keep an explicit port that is the other scheme's default.
  return new URL(`${protocol}//${url.host}${url.pathname}${url.search}`);
}
