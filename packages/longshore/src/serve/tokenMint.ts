import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import {
  allowedScopes,
  formatScope,
  parseScope,
  type Scope,
  type TokenAuthOptions,
} from './auth.ts';

const DEFAULT_TTL_SECONDS = 300;

/** What a token says; readable by whoever has it, forgeable by nobody. */
interface Claims {
  readonly use: 'access' | 'identity';
  readonly user: string | undefined;
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch; left out in identity tokens. */
  readonly expiresAt: number | undefined;
  readonly id: string;
}

/** Issues the tokens of one server and reads them back. */
export class TokenMint {
  readonly service: string;
  readonly ttlSeconds: number;
  readonly #options: TokenAuthOptions;
  readonly #now: () => number;
  #key = randomBytes(32);

  /** @param now milliseconds since the epoch */
  constructor(options: TokenAuthOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.service = options.service ?? 'longshore';
    this.ttlSeconds = options.ttlSeconds ?? DEFAULT_TTL_SECONDS;
  }

  /** The time on the clock that tokens are dated by. */
  now(): Date {
    return new Date(this.#now());
  }

  /** Makes every token that is out worthless. */
  revokeAll(): void {
    this.#key = randomBytes(32);
  }

  /** A token for as much of the wish as the user may do. */
  issueAccess(user: string | undefined, wish: readonly Scope[]): string {
    const granted = allowedScopes(wish, user, {
      allow: (ask) => (user !== undefined || ask.action === 'pull') && this.#allows(ask),
    });
    return this.#sign({
      use: 'access',
      user,
      scopes: granted.map(formatScope),
      expiresAt: this.#now() + this.ttlSeconds * 1000,
      id: randomUUID(),
    });
  }

  #allows(ask: Parameters<NonNullable<TokenAuthOptions['allow']>>[0]): boolean {
    return this.#options.allow?.(ask) ?? true;
  }

  issueIdentity(user: string): string {
    return this.#sign({
      use: 'identity',
      user,
      scopes: [],
      expiresAt: undefined,
      id: randomUUID(),
    });
  }

  /** What an access token grants; `undefined` when it is not one of ours or too old. */
  readAccess(token: string): readonly Scope[] | undefined {
    const claims = this.#read(token);
    if (claims?.use !== 'access' || (claims.expiresAt ?? 0) <= this.#now()) return undefined;
    return claims.scopes.flatMap((text) => parseScope(text) ?? []);
  }

  /** Whose identity token it is. */
  readIdentity(token: string): string | undefined {
    const { identityTokens = {} } = this.#options;
    if (Object.hasOwn(identityTokens, token)) return identityTokens[token];
    const claims = this.#read(token);
    return claims?.use === 'identity' ? claims.user : undefined;
  }

  #sign(claims: Claims): string {
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${body}.${this.#seal(body)}`;
  }

  #read(token: string): Claims | undefined {
    const [body = '', seal = ''] = token.split('.');
    const expected = Buffer.from(this.#seal(body));
    const given = Buffer.from(seal);
    if (expected.byteLength !== given.byteLength || !timingSafeEqual(expected, given)) {
      return undefined;
    }
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims;
  }

  #seal(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }
}
