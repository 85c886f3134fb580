import { defaultPort } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import { explainCause } from './networkError.ts';
import type { ProxyServer } from './proxy.ts';
import { isRetryableStatus } from './retry.ts';

/** undici tells the 407 of a plain request in its text alone; that of a tunnel comes as status. */
const CREDENTIALS_WANTED = 'Proxy Authentication Required (407)';

const WITHOUT = 'hosts that are reached without it belong in NO_PROXY';

/**
 * What happened on the way to a proxy or in it, in words.
 * @param request what the proxy was asked for
 */
export function proxyError(cause: Error, proxy: ProxyServer, request: string): RegistryError {
  if (cause.message === CREDENTIALS_WANTED) return proxyRefusal(407, proxy, request);
  const { text, code, retryable } = explainCause(cause, hostOf(proxy));
  return failure(proxy, {
    text,
    hint: hintFor(code, place(proxy)),
    retryable,
    request,
    cause,
  });
}

function hintFor(code: string, where: string): string {
  switch (code) {
    case 'ERR_TLS_UNTRUSTED':
      return 'Give the certificate of the authority that signed it with --ca FILE';
    case 'ERR_TLS_PROTOCOL':
      return `When it speaks plain HTTP, write http:// in ${where}`;
    default:
      return `Check ${where}, and whether the proxy runs; ${WITHOUT}`;
  }
}

/** The proxy has answered instead of the host. */
export function proxyRefusal(status: number, proxy: ProxyServer, request: string): RegistryError {
  const host = hostOf(proxy);
  if (status === 407) {
    return failure(proxy, {
      text: `${host} wants ${proxy.url.username === '' ? 'credentials' : 'other credentials'}`,
      hint: `Write them in ${place(proxy)} as http://USER:PASSWORD@HOST:PORT`,
      retryable: false,
      request,
    });
  }
  return failure(proxy, {
    text: `${host} answers ${status}`,
    hint: `Ask whoever runs the proxy; ${WITHOUT}`,
    retryable: isRetryableStatus(status),
    request,
  });
}

interface Failure {
  readonly text: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly request: string;
  readonly cause?: Error;
}

function failure({ source }: ProxyServer, { text, request, ...reason }: Failure): RegistryError {
  const name = source === undefined ? 'the proxy' : `the proxy of ${source}`;
  return new RegistryError(`no way through ${name}: ${text} (${request})`, {
    ...reason,
    code: 'ERR_PROXY',
    origin: 'network',
    request,
  });
}

/** Where its address can be changed. */
function place({ source }: ProxyServer): string {
  return source ?? 'its address';
}

function hostOf({ url }: ProxyServer): string {
  return `${url.hostname}:${url.port === '' ? defaultPort(url) : url.port}`;
}
