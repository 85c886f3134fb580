import type { SecureContext } from 'node:tls';
import { LongshoreError } from '../errors.ts';
import type { ResolvedOptions } from './options.ts';
import { tls } from './tls.ts';
import type { Watchdog } from './watchdog.ts';

/** What the two transports share. */
export interface TransportParts {
  readonly options: ResolvedOptions;
  readonly watchdog: Watchdog;
  readonly secureContext: TlsContext;
}

/** What Node adds `ca` by itself, in `lib/internal/tls/secure-context.js`. */
interface NativeContext {
  addCACert(pem: string | Uint8Array): void;
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
    const made = tls().createSecureContext({
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      minVersion: 'TLSv1.2',
    });
    // As option, `ca` takes the place of the usual roots: to list those as well, 140 certificates
    // have to be printed and read again, which takes 45 ms.
    const { context }: { readonly context: NativeContext } = made;
    for (const pem of ca) context.addCACert(pem);
    return made;
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
