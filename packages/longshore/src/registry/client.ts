import { withAuth } from './auth.ts';
import { endpointUrl, mayUsePlainHttp } from './endpoint.ts';
import type { Access, Exchange, HttpRequest, HttpResponse } from './http.ts';
import { withObserver } from './observe.ts';
import type { ResolvedOptions } from './options.ts';
import { withRedirects } from './redirects.ts';
import { responseError } from './responseError.ts';
import { speaksTls, withSchemeChoice } from './scheme.ts';

/** A request to a registry, by its place in the API. */
export interface RegistryCall {
  readonly method: 'GET' | 'HEAD';
  readonly access: Access;
  /** Below `/v2/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly kind: HttpRequest['kind'];
  readonly signal?: AbortSignal | undefined;
  /** What is asked for, for errors: `the manifest of ghcr.io/a/b:1`. */
  readonly what: string;
}

/** Sends calls through all layers. */
export interface RegistryClient {
  readonly options: ResolvedOptions;
  urlOf(call: Pick<RegistryCall, 'access' | 'path'>): URL;
  /**
   * The response, when its status is one of `expected`.
   * @throws RegistryError for any other, with what the registry says about it
   */
  send(call: RegistryCall, expected: readonly number[]): Promise<HttpResponse>;
}

/** For hosts that may be spoken to in plain HTTP, so near ones; a handshake there takes milliseconds. */
const TLS_PROBE_TIMEOUT_MS = 2000;

/** The layers, outermost first: scheme, credentials, reports, redirects, transport. */
export function createClient(options: ResolvedOptions, transport: Exchange): RegistryClient {
  const plainAllowed = (url: URL): boolean => mayUsePlainHttp(url, options.insecureHosts);
  const redirected = withRedirects(transport, options.insecureHosts);
  const observed = withObserver(redirected, options.onEvent);
  const authorised = withAuth(observed, {
    credentials: options.credentials,
    userAgent: options.userAgent,
    mayUsePlainHttp: plainAllowed,
    now: options.now,
  });
  const exchange = withSchemeChoice(authorised, {
    mayUsePlainHttp: plainAllowed,
    speaksTls: (url, signal) =>
      speaksTls(url, Math.min(options.connectTimeoutMs, TLS_PROBE_TIMEOUT_MS), signal),
  });

  function urlOf({ access, path }: Pick<RegistryCall, 'access' | 'path'>): URL {
    return endpointUrl('https', access.registry, path);
  }

  return {
    options,
    urlOf,
    async send(call, expected) {
      const response = await exchange({
        method: call.method,
        url: urlOf(call),
        kind: call.kind,
        access: call.access,
        signal: call.signal,
        headers: {
          accept: '*/*',
          // A body that was packed on the way has another digest.
          'accept-encoding': 'identity',
          'user-agent': options.userAgent,
          ...call.headers,
        },
      });
      if (expected.includes(response.status)) return response;
      throw await responseError(response, {
        what: call.what,
        registry: call.access.registry,
        method: call.method,
        credentialSource: response.credentialSource,
      });
    },
  };
}
