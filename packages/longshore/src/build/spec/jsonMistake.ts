/**
 * Where a text stops being JSON, and what was expected there. The engine's own messages lack the
 * position for short texts.
 * @returns `undefined` for JSON
 */
export function findJsonMistake(
  text: string,
): { readonly offset: number; readonly expected: string } | undefined {
  const scanner = new JsonScanner(text);
  return scanner.value() && scanner.end() ? undefined : scanner.mistake;
}

const BLANK = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const OTHER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class JsonScanner {
  readonly #text: string;
  #at = 0;
  mistake = { offset: 0, expected: 'a value' };

  constructor(text: string) {
    this.#text = text;
  }

  value(): boolean {
    this.#take(BLANK);
    const first = this.#text.charAt(this.#at);
    if (first === '{') return this.#items('}', () => this.#member());
    if (first === '[') return this.#items(']', () => this.value());
    return first === '"' ? this.#string() : this.#take(OTHER) || this.#wrong('a value');
  }

  end(): boolean {
    this.#take(BLANK);
    return this.#at === this.#text.length || this.#wrong('the end of the file');
  }

  #items(close: string, item: () => boolean): boolean {
    this.#at++;
    if (this.#char(close)) return true;
    for (;;) {
      if (!item()) return false;
      if (this.#char(close)) return true;
      if (!this.#char(',')) return this.#wrong(`, or ${close}`);
    }
  }

  #member(): boolean {
    this.#take(BLANK);
    if (!this.#string()) return false;
    return this.#char(':') ? this.value() : this.#wrong(':');
  }

  #string(): boolean {
    const found = this.#text.charAt(this.#at) === '"';
    return this.#take(STRING) || this.#wrong(found ? 'the end of this text' : 'a text in "quotes"');
  }

  #char(char: string): boolean {
    this.#take(BLANK);
    if (this.#text.charAt(this.#at) !== char) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found !== undefined;
  }

  #wrong(expected: string): false {
    this.mistake = { offset: this.#at, expected };
    return false;
  }
}
