import { createFlights } from '../concurrency/index.ts';
import { discardBody } from './body.ts';
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts';
import type { Credential, CredentialStore } from './credentials/types.ts';
import {
  type Access,
  changeRequest,
  type Exchange,
  type HttpRequest,
  type HttpResponse,
  headerValue,
} from './http.ts';
import { basicHeader, fetchToken } from './token.ts';

export interface AuthOptions {
  readonly credentials: CredentialStore | undefined;
  readonly userAgent: string;
  readonly mayUsePlainHttp: (url: URL) => boolean;
  readonly now: () => number;
}

/** What one request shows. */
interface Authorization {
  /** Value of the `Authorization` field. */
  readonly header: string;
  readonly source: string | undefined;
}

/** A challenge to answer. */
interface Asked {
  readonly challenge: Challenge;
  /** It came as the answer to this very request: its scope is the one for this repository. */
  readonly isCurrent: boolean;
  /** What this request has shown before it. */
  readonly refused?: Authorization | undefined;
}

interface CachedToken extends Authorization {
  readonly expiresAt: number;
}

/** A token is not used in its last seconds: the request has to arrive, and clocks differ. */
const EXPIRY_MARGIN_MS = 10_000;
/** Tokens of a thousand repositories; more, and the expired ones are swept. */
const SWEEP_ABOVE = 1000;

/**
 * Answers challenges: nothing is shown before a registry has asked for it, and only to the origin
 * that asked. One token request serves everybody who needs the same token, and what is known of a
 * registry saves the next request its 401.
 *
 * @param next for requests; redirects are followed below, without credentials
 */
export function withAuth(next: Exchange, options: AuthOptions): Exchange {
  const challenges = new Map<string, Challenge>();
  const tokens = new Map<string, CachedToken>();
  const flights = createFlights<CachedToken>();

  return async (request) => {
    const { access, url } = request;
    if (access === undefined) return next(request);
    const known = challenges.get(url.origin);
    const shown =
      known && (await authorize(request, access, { challenge: known, isCurrent: false }));
    const response = await next(withHeader(request, shown));
    if (response.status !== 401 || response.url.origin !== url.origin) {
      return withSource(response, shown);
    }
    const field = headerValue(response.headers, 'www-authenticate') ?? '';
    const challenge = chooseChallenge(parseChallenges(field));
    if (challenge === undefined) return withSource(response, shown);
    challenges.set(url.origin, challenge);
    const asked = { challenge, isCurrent: true, refused: shown };
    const fresh = await authorize(request, access, asked);
    if (fresh === undefined) return withSource(response, shown);
    await discardBody(response);
    return withSource(await next(withHeader(request, fresh)), fresh);
  };

  /** What to show for a challenge, or `undefined` when there is nothing that was not refused. */
  async function authorize(
    request: HttpRequest,
    access: Access,
    asked: Asked,
  ): Promise<Authorization | undefined> {
    if (asked.challenge.scheme === 'bearer') return bearer(request, access, asked);
    const credential = await lookup(access, request.signal, asked.refused);
    const answer = credential && basicAnswer(credential);
    return answer?.header === asked.refused?.header ? undefined : answer;
  }

  async function bearer(
    request: HttpRequest,
    access: Access,
    asked: Asked,
  ): Promise<Authorization> {
    const wanted = scopesOf(access);
    const key = JSON.stringify([request.url.origin, access.registry, wanted]);
    const cached = tokens.get(key);
    const usable = cached !== undefined && cached.expiresAt > options.now();
    if (usable && cached.header !== asked.refused?.header) return cached;
    return flights.join(
      key,
      async (signal) => {
        const token = await renew(request, access, { ...asked, wanted, signal });
        sweep();
        tokens.set(key, token);
        return token;
      },
      request.signal,
    );
  }

  async function renew(
    request: HttpRequest,
    access: Access,
    asked: Asked & { readonly wanted: readonly string[]; readonly signal: AbortSignal },
  ): Promise<CachedToken> {
    const started = options.now();
    const credential = await lookup(access, asked.signal, asked.refused);
    if (credential?.kind === 'registryToken') {
      const header = `Bearer ${credential.token}`;
      return { header, source: credential.source, expiresAt: Number.POSITIVE_INFINITY };
    }
    const token = await fetchToken(next, {
      challenge: asked.challenge,
      scopes: scopesToAsk(asked.wanted, asked.isCurrent ? asked.challenge : undefined),
      credential,
      registryUrl: request.url,
      registry: access.registry,
      userAgent: options.userAgent,
      mayUsePlainHttp: options.mayUsePlainHttp,
      signal: asked.signal,
    });
    const margin = Math.min(EXPIRY_MARGIN_MS, token.lifetimeMs / 4);
    return {
      header: `Bearer ${token.value}`,
      source: credential?.source,
      expiresAt: started + token.lifetimeMs - margin,
    };
  }

  async function lookup(
    { registry, repository }: Access,
    signal: AbortSignal | undefined,
    refused: Authorization | undefined,
  ): Promise<Credential | undefined> {
    // A token that was refused to somebody anonymous says nothing about stored credentials.
    const refresh = refused?.source !== undefined;
    return options.credentials?.lookup({ registry, repository }, { signal, refresh });
  }

  function sweep(): void {
    if (tokens.size < SWEEP_ABOVE) return;
    const now = options.now();
    for (const [key, { expiresAt }] of tokens) if (expiresAt <= now) tokens.delete(key);
  }
}

function scopesOf({ repository, actions, mountFrom }: Access): string[] {
  if (repository === undefined) return [];
  const own = `repository:${repository}:${actions ?? 'pull'}`;
  return mountFrom === undefined ? [own] : [own, `repository:${mountFrom}:pull`];
}

/**
 * Our scopes, and the one that the challenge asks for where it is another: registries behind
 * path-rewriting proxies know the repository by another name.
 */
function scopesToAsk(wanted: readonly string[], challenge: Challenge | undefined): string[] {
  const theirs = challenge?.parameters.get('scope') ?? '';
  return [...new Set(theirs === '' ? wanted : [...wanted, theirs])];
}

function basicAnswer(credential: Credential): Authorization | undefined {
  if (credential.kind !== 'basic') return undefined;
  return { header: basicHeader(credential), source: credential.source };
}

function withHeader(request: HttpRequest, shown: Authorization | undefined): HttpRequest {
  if (shown === undefined) return request;
  return changeRequest(request, { headers: { ...request.headers, authorization: shown.header } });
}

function withSource(response: HttpResponse, shown: Authorization | undefined): HttpResponse {
  return shown?.source === undefined ? response : { ...response, credentialSource: shown.source };
}
