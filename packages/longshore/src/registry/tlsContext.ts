import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { LongshoreError } from '../errors.ts';
import type { ResolvedOptions } from './options.ts';
import type { Watchdog } from './watchdog.ts';

/** What the two transports share. */
export interface TransportParts {
  readonly options: ResolvedOptions;
  readonly watchdog: Watchdog;
  readonly secureContext: TlsContext;
}

/** One context for all connections, made when the first one needs it. */
export type TlsContext = () => SecureContext;

function hasCustomTls({ ca, cert, key }: ResolvedOptions): boolean {
  return ca.length > 0 || cert !== undefined || key !== undefined;
}

/**
 * Trust and client certificate of all connections, read once: making a context out of 140 root
 * certificates for every connection would cost more than the handshake.
 * @throws LongshoreError `ERR_TLS_CONFIG` for certificates or keys that cannot be read
 */
export function createTlsContext(options: ResolvedOptions): TlsContext {
  // Bad files are told of before the first request, good ones are read once.
  let context = hasCustomTls(options) ? readContext(options) : undefined;
  return () => (context ??= readContext(options));
}

function readContext({ ca, cert, key }: ResolvedOptions): SecureContext {
  try {
    return createSecureContext({
      ...(ca.length === 0
        ? {}
        : { ca: [...getCACertificates('default'), ...ca.map((pem) => pem.toString())] }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      minVersion: 'TLSv1.2',
    });
  } catch (cause) {
    throw new LongshoreError(
      'The certificate authority, client certificate or key given cannot be read',
      {
        code: 'ERR_TLS_CONFIG',
        origin: 'input',
        hint: 'They have to be PEM files; the key has to be the one of the certificate, and not encrypted',
        cause,
      },
    );
  }
}
