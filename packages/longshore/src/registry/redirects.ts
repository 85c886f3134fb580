import { discardBody } from './body.ts';
import { mayUsePlainHttp } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import { changeRequest, type Exchange, type HttpRequest, headerValue } from './http.ts';
import { describeRequest, redactUrl } from './redact.ts';

/** Registries redirect once, to storage; proxies in front of them once or twice more. */
const MAX_REDIRECTS = 6;
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects of GET and HEAD. Credentials stay with the origin they were meant for, and a
 * connection that began in TLS does not end without.
 * @param insecureHosts hosts that may be spoken to in plain HTTP
 */
export function withRedirects(next: Exchange, insecureHosts: ReadonlySet<string>): Exchange {
  return async (first) => {
    let request = first;
    for (let followed = 0; ; followed += 1) {
      const response = await next(request);
      const location = headerValue(response.headers, 'location');
      if (!STATUSES.has(response.status) || location === undefined || !isRead(request)) {
        return followed === 0 ? response : { ...response, redirected: true };
      }
      await discardBody(response);
      if (followed === MAX_REDIRECTS) throw refused(first, `over ${MAX_REDIRECTS} redirects`);
      const target = readTarget(location, request, insecureHosts);
      request = changeRequest(request, { url: target, headers: headersFor(target, request) });
    }
  };
}

/** Nothing that changes a registry is sent to where its answer points. */
function isRead({ method }: HttpRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function readTarget(
  location: string,
  request: HttpRequest,
  insecureHosts: ReadonlySet<string>,
): URL {
  const target = URL.parse(location, request.url.href);
  if (target === null) throw refused(request, 'it redirects to something that is not an address');
  // A fragment is for browsers, and a user name in an address would become credentials.
  target.hash = '';
  target.username = '';
  target.password = '';
  if (target.protocol === 'https:') return target;
  if (target.protocol !== 'http:' || request.url.protocol === 'https:') {
    throw refused(request, `it redirects out of TLS, to ${redactUrl(target)}`);
  }
  if (!mayUsePlainHttp(target, insecureHosts)) {
    throw new RegistryError(
      `${describeRequest(request)}: it redirects to plain HTTP on ${target.host}`,
      {
        code: 'ERR_REDIRECT',
        hint: `When you trust the network up to there, name it with --insecure ${target.host}`,
      },
    );
  }
  return target;
}

function headersFor(target: URL, request: HttpRequest): Readonly<Record<string, string>> {
  if (target.origin === request.url.origin) return request.headers;
  const { authorization: _, cookie: __, ...rest } = request.headers;
  return rest;
}

function refused(request: HttpRequest, reason: string): RegistryError {
  return new RegistryError(`${describeRequest(request)}: ${reason}`, {
    code: 'ERR_REDIRECT',
    request: describeRequest(request),
  });
}
