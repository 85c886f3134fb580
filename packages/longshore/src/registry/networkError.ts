import { errnoOf } from '../errors.ts';
import { RegistryError } from './errors.ts';
import { describeRequest } from './redact.ts';

interface Explanation {
  readonly code: string;
  readonly text: (host: string) => string;
  readonly hint?: (host: string) => string;
  /** @defaultValue true */
  readonly retryable?: boolean;
}

const useCa = (host: string): string =>
  `Give the certificate of the authority that signed it with --ca FILE, or, when ${host} speaks plain HTTP, name it with --insecure ${host}`;

const untrusted: Explanation = {
  code: 'ERR_TLS_UNTRUSTED',
  text: (host) => `the certificate of ${host} is signed by nobody known here`,
  hint: useCa,
  retryable: false,
};
const notTls: Explanation = {
  code: 'ERR_TLS_PROTOCOL',
  text: (host) => `${host} does not answer in TLS`,
  hint: (host) =>
    `When it speaks plain HTTP and you trust the network, name it with --insecure ${host}`,
  retryable: false,
};
const clientCertificate: Explanation = {
  code: 'ERR_TLS_CLIENT_CERTIFICATE',
  text: (host) => `${host} wants another client certificate, or any`,
  hint: () => 'Give one with --cert FILE --key FILE',
  retryable: false,
};
const reset: Explanation = {
  code: 'ERR_NETWORK',
  text: (host) => `${host} closed the connection`,
};
const timedOut: Explanation = {
  code: 'ERR_TIMEOUT',
  text: (host) => `no connection to ${host} in time`,
  hint: () => 'Check the address, firewalls and proxies between here and there',
};
const unreachable: Explanation = {
  code: 'ERR_NETWORK',
  text: (host) => `no route to ${host}`,
  hint: () => 'Check the network of this machine',
};
const invalidResponse: Explanation = {
  code: 'ERR_RESPONSE_INVALID',
  text: (host) => `${host} does not answer in valid HTTP`,
};

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOTFOUND: {
    code: 'ERR_HOST_NOT_FOUND',
    text: (host) => `there is no host ${host}`,
    hint: () => 'Check the spelling of the registry, and DNS',
    retryable: false,
  },
  EAI_AGAIN: {
    code: 'ERR_HOST_NOT_FOUND',
    text: (host) => `the name ${host} cannot be looked up now`,
    hint: () => 'Check DNS and the network of this machine',
  },
  ECONNREFUSED: {
    code: 'ERR_CONNECTION_REFUSED',
    text: (host) => `nothing listens at ${host}`,
    hint: () => 'Check the port, and whether the registry runs',
  },
  ETIMEDOUT: timedOut,
  UND_ERR_CONNECT_TIMEOUT: timedOut,
  UND_ERR_HEADERS_TIMEOUT: {
    code: 'ERR_TIMEOUT',
    text: (host) => `${host} did not answer in time`,
  },
  ECLOSED: reset,
  ECONNRESET: reset,
  EPIPE: reset,
  UND_ERR_SOCKET: reset,
  // Before a head was read, this is how undici reports contradicting lengths.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: invalidResponse,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENETDOWN: unreachable,
  UND_ERR_HEADERS_OVERFLOW: invalidResponse,
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    ...untrusted,
    text: (host) => `the certificate of ${host} is self-signed`,
  },
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_UNTRUSTED: untrusted,
  CERT_HAS_EXPIRED: {
    code: 'ERR_TLS_EXPIRED',
    text: (host) => `the certificate of ${host} has expired`,
    hint: () => 'Whoever runs the registry has to renew it; check the clock of this machine too',
    retryable: false,
  },
  CERT_NOT_YET_VALID: {
    code: 'ERR_TLS_EXPIRED',
    text: (host) => `the certificate of ${host} is not valid yet`,
    hint: () => 'Check the clock of this machine',
    retryable: false,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: 'ERR_TLS_WRONG_HOST',
    text: (host) => `the certificate that ${host} shows is for another host`,
    hint: () => 'Use the name that the certificate carries',
    retryable: false,
  },
  EPROTO: notTls,
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  ERR_SSL_HTTP_REQUEST: notTls,
};

/**
 * What happened on the way to a host, in words. Errors of this library pass unchanged, the
 * reasons of signals too: callers test `signal.aborted` first.
 */
export function networkError(
  cause: unknown,
  request: { readonly method: string; readonly url: URL },
): RegistryError {
  if (cause instanceof RegistryError) return cause;
  const { text, ...reason } = explainCause(cause, request.url.host);
  const where = describeRequest(request);
  return new RegistryError(`${text} (${where})`, {
    ...reason,
    origin: 'network',
    request: where,
    cause,
  });
}

/** A cause in words. @param host what was to be reached */
export function explainCause(
  cause: unknown,
  host: string,
): {
  readonly text: string;
  readonly code: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
} {
  const explanation = findExplanation(cause);
  return {
    text: explanation?.text(host) ?? unknownCause(cause),
    code: explanation?.code ?? 'ERR_NETWORK',
    hint: explanation?.hint?.(host),
    retryable: explanation?.retryable ?? true,
  };
}

function findExplanation(cause: unknown): Explanation | undefined {
  const code = errnoOf(cause) ?? '';
  const known = Object.hasOwn(EXPLANATIONS, code) ? EXPLANATIONS[code] : undefined;
  if (known !== undefined) return known;
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE/.test(code)) {
    return clientCertificate;
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return { ...notTls, text: (host) => `no TLS connection to ${host}: ${code}` };
  }
  if (cause instanceof Error && cause.name === 'HTTPParserError') return invalidResponse;
  return undefined;
}

function unknownCause(cause: unknown): string {
  const code = errnoOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return `the connection failed: ${code ?? message.slice(0, 200)}`;
}
