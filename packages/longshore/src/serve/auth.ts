import { createHash, timingSafeEqual } from 'node:crypto';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';
import type { TokenMint } from './tokenMint.ts';

export type Action = 'pull' | 'push' | 'delete' | '*';

/** What one request needs, or one token grants. */
export interface Scope {
  readonly type: 'repository' | 'registry';
  /** Path as requested, or `catalog`. */
  readonly name: string;
  readonly actions: readonly Action[];
}

/** Decides over one action; `user` is `undefined` for those without credentials. */
export type AllowRule = (ask: {
  readonly user: string | undefined;
  readonly repository: string;
  readonly action: Action;
}) => boolean;

export interface BasicAuthOptions {
  readonly kind: 'basic';
  /** Passwords by user name. */
  readonly users: Readonly<Record<string, string>>;
  readonly allow?: AllowRule;
}

export interface TokenAuthOptions {
  readonly kind: 'token';
  /** Passwords by user name. */
  readonly users: Readonly<Record<string, string>>;
  /** Users by identity token (refresh token), besides those that the server issues itself. */
  readonly identityTokens?: Readonly<Record<string, string>>;
  /** How long an access token is good for. @defaultValue 300 */
  readonly ttlSeconds?: number;
  /** @defaultValue `longshore` */
  readonly service?: string;
  /** Whether tokens to pull are given without credentials. @defaultValue false */
  readonly anonymousPull?: boolean;
  /** Which fields of the answer carry the token; registries differ. @defaultValue `both` */
  readonly tokenField?: 'token' | 'access_token' | 'both';
  /** Whether the answer tells `expires_in`; without it clients must take 60 s. @defaultValue true */
  readonly tellsExpiry?: boolean;
  readonly allow?: AllowRule;
}

/** @defaultValue `{ kind: 'none' }` */
export type AuthOptions = { readonly kind: 'none' } | BasicAuthOptions | TokenAuthOptions;

/** The door of a registry: who may do what. */
export interface Guard {
  /** @throws Refusal 401 with a challenge, or 403 */
  require(exchange: Exchange, scopes: readonly Scope[]): void;
  /** Like `require`, as a question. */
  permits(exchange: Exchange, scopes: readonly Scope[]): boolean;
}

export function openGuard(): Guard {
  return { require: () => {}, permits: () => true };
}

export function basicGuard(options: BasicAuthOptions): Guard {
  const challenge = { 'www-authenticate': 'Basic realm="longshore"' };
  const check = (exchange: Exchange, scopes: readonly Scope[]): Refusal | undefined => {
    const credentials = readBasic(exchange.header('authorization'));
    if (credentials === undefined || !isUser(options.users, credentials)) {
      return new Refusal(401, 'UNAUTHORIZED', { headers: challenge });
    }
    const allowed = allowedScopes(scopes, credentials.user, options);
    return coversAll(allowed, scopes) ? undefined : new Refusal(403, 'DENIED');
  };
  return guardOf(check);
}

export function tokenGuard(mint: TokenMint, realm: () => string): Guard {
  const challenge = (scopes: readonly Scope[], error?: string): Refusal => {
    const scope = scopes.map(formatScope).join(' ');
    const parts = [
      `Bearer realm="${realm()}"`,
      `service="${mint.service}"`,
      ...(scope === '' ? [] : [`scope="${scope}"`]),
      ...(error === undefined ? [] : [`error="${error}"`]),
    ];
    return new Refusal(401, error === 'insufficient_scope' ? 'DENIED' : 'UNAUTHORIZED', {
      headers: { 'www-authenticate': parts.join(',') },
    });
  };
  return guardOf((exchange, scopes) => {
    const token = /^bearer +(.+)$/i.exec(exchange.header('authorization') ?? '')?.[1];
    if (token === undefined) return challenge(scopes);
    const granted = mint.readAccess(token);
    if (granted === undefined) return challenge(scopes, 'invalid_token');
    return coversAll(granted, scopes) ? undefined : challenge(scopes, 'insufficient_scope');
  });
}

function guardOf(
  check: (exchange: Exchange, scopes: readonly Scope[]) => Refusal | undefined,
): Guard {
  return {
    require(exchange, scopes) {
      const refusal = check(exchange, scopes);
      if (refusal !== undefined) throw refusal;
    },
    permits: (exchange, scopes) => check(exchange, scopes) === undefined,
  };
}

export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** Reads `repository:name:pull,push`; the name may hold colons. `undefined` when it is not one. */
export function parseScope(text: string): Scope | undefined {
  const [, type, name, list] =
    /^(repository|registry)(?:\([^)]*\))?:(.+):([^:]*)$/.exec(text) ?? [];
  if (name === undefined || list === undefined) return undefined;
  const actions = list.split(',').filter((word): word is Action => ACTIONS.has(word));
  return { type: type === 'registry' ? 'registry' : 'repository', name, actions };
}

const ACTIONS: ReadonlySet<string> = new Set<Action>(['pull', 'push', 'delete', '*']);

/** The part of the wished scopes that a user gets. */
export function allowedScopes(
  scopes: readonly Scope[],
  user: string | undefined,
  { allow }: { readonly allow?: AllowRule },
): readonly Scope[] {
  return scopes.map((scope) => ({
    ...scope,
    actions: scope.actions.filter(
      (action) => allow?.({ user, repository: scope.name, action }) ?? true,
    ),
  }));
}

function coversAll(granted: readonly Scope[], needed: readonly Scope[]): boolean {
  return needed.every(({ type, name, actions }) =>
    actions.every((action) =>
      granted.some(
        (grant) =>
          grant.type === type &&
          grant.name === name &&
          (grant.actions.includes(action) || grant.actions.includes('*')),
      ),
    ),
  );
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export function readBasic(header: string | undefined): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function isUser(
  users: Readonly<Record<string, string>>,
  { user, password }: Credentials,
): boolean {
  const expected = Object.hasOwn(users, user) ? users[user] : undefined;
  // Hashes have one length, so that the comparison takes one time.
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(expected ?? ''), hash(password)) && expected !== undefined;
}
