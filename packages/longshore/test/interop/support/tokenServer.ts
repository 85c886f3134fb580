import { randomUUID, sign, timingSafeEqual, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type KeyPair, makeSelfSigned } from './certificates.ts';

/** What a client asked the token server for. */
export interface TokenRequest {
  readonly scopes: readonly string[];
  readonly user: string | undefined;
}

export interface TokenServerOptions {
  /** Where to put the signing key and its certificate. */
  readonly folder: string;
  readonly user: string;
  readonly password: string;
  /** @defaultValue 300 */
  readonly tokenSeconds?: number;
}

/** A token server as the distribution project specifies it, for docker-registry to trust. */
export interface TokenServer extends AsyncDisposable {
  readonly auth: {
    readonly kind: 'token';
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
  readonly requests: readonly TokenRequest[];
}

const ISSUER = 'longshore-test-issuer';
const SERVICE = 'longshore-test-registry';

/** Starts a token server: the one user may pull and push everything, everybody else nothing. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const pair = await makeSelfSigned(options.folder, 'token');
  const signer = await makeSigner(pair);
  const requests: TokenRequest[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://token.test');
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    const user = readUser(request, options);
    requests.push({ scopes, user: user.name });
    if (!user.accepted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="token"' }).end('{}');
      return;
    }
    const seconds = options.tokenSeconds ?? 300;
    const token = signer(options.user, scopes.map(readScope), seconds);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token, access_token: token, expires_in: seconds }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    auth: {
      kind: 'token',
      realm: `http://127.0.0.1:${port}/token`,
      service: SERVICE,
      issuer: ISSUER,
      certificate: pair.certificate,
    },
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readUser(
  request: IncomingMessage,
  { user, password }: TokenServerOptions,
): { name: string | undefined; accepted: boolean } {
  const [scheme, value = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Basic') {
    return { name: undefined, accepted: false };
  }
  const given = Buffer.from(value, 'base64');
  const wanted = Buffer.from(`${user}:${password}`);
  const accepted = given.length === wanted.length && timingSafeEqual(given, wanted);
  return { name: given.toString().split(':')[0], accepted };
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** `repository:team/app:pull,push`; the name may hold colons when it starts with a host. */
function readScope(scope: string): Access {
  const parts = scope.split(':');
  return {
    type: parts.at(0) ?? '',
    name: parts.slice(1, -1).join(':'),
    actions: (parts.at(-1) ?? '').split(','),
  };
}

/** Signs with ES256 and names the key by its certificate (`x5c`), which docker-registry 2.8 checks. */
async function makeSigner(
  pair: KeyPair,
): Promise<(subject: string, access: readonly Access[], seconds: number) => string> {
  const key = await readFile(pair.key, 'utf8');
  const certificate = new X509Certificate(await readFile(pair.certificate));
  const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate.raw.toString('base64')] };
  return (subject, access, seconds) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      sub: subject,
      aud: SERVICE,
      jti: randomUUID(),
      // A clock that is a second behind must not refuse a fresh token.
      iat: now,
      nbf: now - 10,
      exp: now + seconds,
      access,
    };
    const text = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  };
}
