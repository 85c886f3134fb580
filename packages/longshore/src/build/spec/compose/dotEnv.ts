import { interpolate } from './interpolate.ts';

export interface DotEnv {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

const KEY = /^(?:export\s+)?([\w.[\]-]+)[ \t]*(?:([=:])[ \t]*|(?=\n|$))/;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  $: '$$',
};

/**
 * Reads a `.env` file as compose does: `KEY=value`, `KEY: value`, `export`, comments, values in
 * single quotes (as they are) and double quotes (escapes, several lines), variables in all but
 * single quotes. A key alone takes over what the environment has.
 */
export function parseDotEnv(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): DotEnv {
  const values = new Map<string, string>();
  const problems: { line: number; message: string }[] = [];
  const source = text.replace(/^\u{FEFF}/u, '').replaceAll('\r\n', '\n');
  // What the environment has wins over the file, also within it.
  const lookup = (name: string): string | undefined => environment[name] ?? values.get(name);
  let at = 0;
  const lineNumber = (): number => source.slice(0, at).split('\n').length;
  while (at < source.length) {
    at += /^(?:\s+|#[^\n]*)*/.exec(source.slice(at))?.[0].length ?? 0;
    if (at >= source.length) break;
    const line = lineNumber();
    const key = KEY.exec(source.slice(at));
    if (key === null) {
      problems.push({ line, message: 'expected KEY=value' });
      at += source.slice(at).search(/\n|$/) + 1;
      continue;
    }
    const [whole, name = '', separator] = key;
    at += whole.length;
    if (separator === undefined) {
      const inherited = environment[name];
      if (inherited !== undefined) values.set(name, inherited);
      continue;
    }
    const value = readValue(source.slice(at), lookup);
    if (value.ok) values.set(name, value.text);
    else problems.push({ line, message: value.message });
    at += value.length;
  }
  return { values, problems };
}

type Value =
  | { readonly ok: true; readonly text: string; readonly length: number }
  | { readonly ok: false; readonly message: string; readonly length: number };

function readValue(source: string, lookup: (name: string) => string | undefined): Value {
  const quote = /^["']/.exec(source)?.[0];
  if (quote === undefined) {
    const line = /^[^\n]*/.exec(source)?.[0] ?? '';
    const text = line.replace(/(?:^#| #).*$/, '').trimEnd();
    return { ...expanded(text, lookup), length: line.length };
  }
  const pattern = quote === '"' ? /^"((?:[^"\\]|\\[\s\S])*)"/ : /^'((?:[^'\\]|\\[\s\S])*)'/;
  const quoted = pattern.exec(source);
  if (quoted === null) {
    return { ok: false, message: `a quoted value has no closing ${quote}`, length: source.length };
  }
  const [whole, inner = ''] = quoted;
  if (quote === "'") return { ok: true, text: inner.replaceAll("\\'", "'"), length: whole.length };
  const text = inner.replace(/\\([\s\S])/g, (pair, char: string) => ESCAPES[char] ?? pair);
  return { ...expanded(text, lookup), length: whole.length };
}

function expanded(
  text: string,
  lookup: (name: string) => string | undefined,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
  return interpolate(text, lookup);
}
