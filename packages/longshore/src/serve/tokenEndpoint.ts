import { isUser, parseScope, readBasic, type Scope, type TokenAuthOptions } from './auth.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { TokenMint } from './tokenMint.ts';

const MAX_FORM_BYTES = 64 * 1024;

/**
 * Serves `/token`, both ways that clients ask: GET with Basic credentials (distribution, "Token
 * Authentication Specification") and POST of an OAuth2 form (its "OAuth2" companion).
 */
export async function handleToken(
  exchange: Exchange,
  mint: TokenMint,
  options: TokenAuthOptions,
): Promise<void> {
  if (exchange.method === 'GET') return answerQuery(exchange, mint, options);
  if (exchange.method === 'POST') return answerForm(exchange, mint, options);
  throw new Refusal(405, 'UNSUPPORTED');
}

function answerQuery(exchange: Exchange, mint: TokenMint, options: TokenAuthOptions): void {
  const { query } = exchange.parts;
  const authorization = exchange.header('authorization');
  const credentials = readBasic(authorization);
  if (authorization !== undefined && credentials === undefined) throw badCredentials();
  if (credentials !== undefined && !isUser(options.users, credentials)) throw badCredentials();
  if (credentials === undefined && options.anonymousPull !== true) {
    throw new Refusal(401, 'UNAUTHORIZED', { message: 'credentials are required' });
  }
  const user = credentials?.user;
  const scopes = query.getAll('scope').flatMap((text) => readScopes(text));
  const refresh =
    user !== undefined && query.get('offline_token') === 'true'
      ? { refresh_token: mint.issueIdentity(user) }
      : {};
  sendToken(exchange, { mint, options, token: mint.issueAccess(user, scopes), extra: refresh });
}

async function answerForm(
  exchange: Exchange,
  mint: TokenMint,
  options: TokenAuthOptions,
): Promise<void> {
  const form = await readForm(exchange);
  const user = userOfForm(form, mint, options);
  if (user === undefined) throw badCredentials();
  const given = form.get('grant_type') === 'refresh_token' ? form.get('refresh_token') : null;
  const wantsIdentity = form.get('access_type') === 'offline';
  const extra =
    given === null && !wantsIdentity ? {} : { refresh_token: given ?? mint.issueIdentity(user) };
  const token = mint.issueAccess(user, readScopes(form.get('scope') ?? ''));
  sendToken(exchange, { mint, options, token, extra });
}

function userOfForm(
  form: URLSearchParams,
  mint: TokenMint,
  options: TokenAuthOptions,
): string | undefined {
  if (form.get('grant_type') === 'refresh_token') {
    return mint.readIdentity(form.get('refresh_token') ?? '');
  }
  const user = form.get('username') ?? '';
  const password = form.get('password') ?? '';
  const isPassword = form.get('grant_type') === 'password';
  return isPassword && isUser(options.users, { user, password }) ? user : undefined;
}

async function readForm(exchange: Exchange): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of exchange.parts.request as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_FORM_BYTES) throw new Refusal(413, 'SIZE_INVALID');
  }
  return new URLSearchParams(text);
}

function readScopes(text: string): Scope[] {
  return text.split(' ').flatMap((word) => parseScope(word) ?? []);
}

function sendToken(
  exchange: Exchange,
  answer: {
    readonly mint: TokenMint;
    readonly options: TokenAuthOptions;
    readonly token: string;
    readonly extra: Readonly<Record<string, string>>;
  },
): void {
  const { mint, options, token, extra } = answer;
  const field = options.tokenField ?? 'both';
  exchange.sendJson(200, {
    ...(field === 'access_token' ? {} : { token }),
    ...(field === 'token' ? {} : { access_token: token }),
    ...(options.tellsExpiry === false ? {} : { expires_in: mint.ttlSeconds }),
    issued_at: mint.now().toISOString(),
    ...extra,
  });
}

function badCredentials(): Refusal {
  return new Refusal(401, 'UNAUTHORIZED', { message: 'no user of that name and password' });
}
