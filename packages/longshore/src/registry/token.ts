import { readBody } from './body.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credentials/types.ts';
import { RegistryError } from './errors.ts';
import type { Exchange, HttpRequest, HttpResponse } from './http.ts';
import { redactUrl } from './redact.ts';
import { responseError } from './responseError.ts';

/** An access token and how long it may be used. */
export interface AccessToken {
  readonly value: string;
  readonly lifetimeMs: number;
}

export interface TokenRequest {
  readonly challenge: Challenge;
  /** Several are asked for at once. */
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  /** The registry that sent the challenge: its scheme is the least that the realm must have. */
  readonly registryUrl: URL;
  readonly registry: string;
  readonly userAgent: string;
  readonly mayUsePlainHttp: (url: URL) => boolean;
  readonly signal: AbortSignal;
}

const MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024;
/** What a token lives for when its issuer does not say (distribution, "Token Authentication"). */
const DEFAULT_LIFETIME_S = 60;

/**
 * Gets an access token from the realm that a registry named (distribution's "Token Authentication"
 * and, for identity tokens, "OAuth2 Token Authentication").
 * @throws RegistryError `ERR_TOKEN_REALM`, `ERR_TOKEN_INVALID`, `ERR_UNAUTHORIZED`
 */
export async function fetchToken(send: Exchange, request: TokenRequest): Promise<AccessToken> {
  const realm = readRealm(request);
  const response = await send(
    request.credential?.kind === 'identityToken'
      ? refreshRequest(realm, request, request.credential.token)
      : queryRequest(realm, request),
  );
  if (response.status !== 200) throw await refusal(response, request);
  return readToken(await readBody(response, MAX_TOKEN_RESPONSE_BYTES), realm);
}

function readRealm({ challenge, registryUrl, registry, mayUsePlainHttp }: TokenRequest): URL {
  const realm = URL.parse(challenge.parameters.get('realm') ?? '');
  const fail = (reason: string, hint?: string): RegistryError =>
    new RegistryError(`${registry} names a place for tokens that is not usable: ${reason}`, {
      code: 'ERR_TOKEN_REALM',
      hint,
    });
  if (realm === null || !/^https?:$/.test(realm.protocol)) throw fail('it is not an address');
  if (realm.username !== '' || realm.password !== '') throw fail('it contains credentials');
  if (realm.protocol === 'https:') return realm;
  if (registryUrl.protocol === 'https:') {
    throw fail(`${redactUrl(realm)} is plain HTTP, the registry is not`);
  }
  if (!mayUsePlainHttp(realm)) {
    throw fail(
      `${redactUrl(realm)} is plain HTTP`,
      `When you trust the network up to there, name it with --insecure ${realm.host}`,
    );
  }
  return realm;
}

function queryRequest(realm: URL, request: TokenRequest): HttpRequest {
  const url = new URL(realm);
  const service = request.challenge.parameters.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of request.scopes) url.searchParams.append('scope', scope);
  const { credential } = request;
  return {
    method: 'GET',
    url,
    kind: 'metadata',
    signal: request.signal,
    headers: {
      ...commonHeaders(request),
      ...(credential?.kind === 'basic' ? { authorization: basicHeader(credential) } : {}),
    },
  };
}

function refreshRequest(realm: URL, request: TokenRequest, refreshToken: string): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: request.challenge.parameters.get('service') ?? '',
    client_id: 'longshore',
    refresh_token: refreshToken,
    scope: request.scopes.join(' '),
  });
  return {
    method: 'POST',
    url: realm,
    kind: 'metadata',
    signal: request.signal,
    headers: {
      ...commonHeaders(request),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: form.toString(),
  };
}

function commonHeaders({ userAgent }: TokenRequest): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': userAgent,
  };
}

/** The value of an `Authorization` field (RFC 7617; UTF-8, as registries expect). */
export function basicHeader(credential: { username: string; password: string }): string {
  const pair = Buffer.from(`${credential.username}:${credential.password}`);
  return `Basic ${pair.toString('base64')}`;
}

function refusal(response: HttpResponse, request: TokenRequest): Promise<RegistryError> {
  return responseError(response, {
    what: `a token for ${request.registry}`,
    registry: request.registry,
    method: request.credential?.kind === 'identityToken' ? 'POST' : 'GET',
    credentialSource: request.credential?.source,
  });
}

function readToken(bytes: Buffer, realm: URL): AccessToken {
  const answer = parseJson(bytes);
  const value = answer['token'] ?? answer['access_token'];
  // Anything else would not survive in a header field, or would smuggle one in.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError(`${redactUrl(realm)} answered without a token`, {
      code: 'ERR_TOKEN_INVALID',
      hint: 'The token server of this registry is at fault',
    });
  }
  const seconds = answer['expires_in'];
  const valid = typeof seconds === 'number' && seconds > 0;
  return { value, lifetimeMs: (valid ? seconds : DEFAULT_LIFETIME_S) * 1000 };
}

function parseJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through to the one answer for everything that is not a token response.
  }
  return {};
}
