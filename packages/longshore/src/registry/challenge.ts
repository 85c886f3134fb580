/** One challenge of a `WWW-Authenticate` field. */
export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case, quoting undone; the first of equal names counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_CHALLENGES = 16;

/**
 * Reads the challenges of `WWW-Authenticate` (RFC 9110, 11.6.1), several in one line included.
 * What cannot be read ends the list; what came before it counts. Linear in the input.
 */
export function parseChallenges(value: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  const scanner = new Scanner(value);
  while (found.length < MAX_CHALLENGES) {
    scanner.skipSeparators();
    const word = scanner.token();
    if (word === '') return found;
    const parameter = scanner.parameterValue();
    if (parameter === undefined) {
      found.push({ scheme: word.toLowerCase(), parameters: new Map() });
      scanner.skipToken68();
      continue;
    }
    const current = found.at(-1);
    if (current === undefined) return found;
    const name = word.toLowerCase();
    if (!current.parameters.has(name)) current.parameters.set(name, parameter);
  }
  return found;
}

/** The challenge that this client answers: Bearer with a realm before Basic. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(
    ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
  );
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipSeparators(): void {
    this.#match(/[\s,]*/y);
  }

  token(): string {
    return this.#match(/[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y) ?? '';
  }

  /** `=` and a token or a quoted string, or `undefined` where no `=` follows. */
  parameterValue(): string | undefined {
    const start = this.#at;
    if (this.#match(/[ \t]*=[ \t]*/y) === undefined) return undefined;
    const quoted = this.#match(/"(?:[^"\\]|\\.)*"/sy);
    if (quoted !== undefined) return quoted.slice(1, -1).replace(/\\(.)/gs, '$1');
    // Unquoted URLs are not tokens, yet registries send them.
    const bare = this.#match(/[^\s,"=][^\s,"]*/y);
    if (bare === undefined) this.#at = start;
    return bare;
  }

  /** `Negotiate YII...==`: credentials in one word, of schemes that are not answered here. */
  skipToken68(): void {
    this.#match(/[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text !== undefined) this.#at = pattern.lastIndex;
    return text;
  }
}
