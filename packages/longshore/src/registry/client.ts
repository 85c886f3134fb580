import { withAuth } from './auth.ts';
import { endpointUrl, mayUsePlainHttp, originOf } from './endpoint.ts';
import type { Access, Exchange, HttpRequest, HttpResponse } from './http.ts';
import { withObserver } from './observe.ts';
import type { ResolvedOptions } from './options.ts';
import { withRedirects } from './redirects.ts';
import { type JudgeResponse, responseError } from './responseError.ts';
import { speaksTls, withSchemeChoice } from './scheme.ts';

/** A request to a registry, by its place in the API. */
export interface RegistryCall {
  readonly method: HttpRequest['method'];
  readonly access: Access;
  /** Below `/v2/`. */
  readonly path: string;
  /** An address that the registry gave, instead of `path`: where an upload goes on. */
  readonly url?: URL | undefined;
  readonly body?: HttpRequest['body'];
  readonly headersTimeoutMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly kind: HttpRequest['kind'];
  readonly signal?: AbortSignal | undefined;
  /** What is asked for, for errors: `the manifest of ghcr.io/a/b:1`. */
  readonly what: string;
  /** Failures in the words of a push. @defaultValue those of a pull */
  readonly judge?: JudgeResponse | undefined;
}

/** Sends calls through all layers. */
export interface RegistryClient {
  readonly options: ResolvedOptions;
  urlOf(call: Pick<RegistryCall, 'access' | 'path' | 'url'>): URL;
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

  function urlOf({ access, path, url }: Pick<RegistryCall, 'access' | 'path' | 'url'>): URL {
    return url ?? endpointUrl('https', access.registry, path);
  }

  return {
    options,
    urlOf,
    async send(call, expected) {
      const { access, url = urlOf(call) } = call;
      const response = await exchange({
        method: call.method,
        url,
        kind: call.kind,
        // Credentials are for the registry; another host that takes its uploads has signed addresses.
        access:
          call.url === undefined || sameHost(url, urlOf({ access, path: '' })) ? access : undefined,
        body: call.body,
        headersTimeoutMs: call.headersTimeoutMs,
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
        judge: call.judge,
      });
    },
  };
}

function sameHost(a: URL, b: URL): boolean {
  return originOf(withTls(a)) === originOf(withTls(b));
}

/** Which of the schemes a host speaks is found out further down. */
function withTls(url: URL): URL {
  return new URL(`https://${url.host}`);
}
