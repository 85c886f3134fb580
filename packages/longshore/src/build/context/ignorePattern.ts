import { badPattern, compileGlob, literal } from './glob.ts';
import { cleanGoPath } from './names.ts';

/** One line of a `.dockerignore`, compiled. */
export interface IgnorePattern {
  /** `!pattern`: takes back what earlier lines have ignored. */
  readonly exception: boolean;
  /** Cleaned, without the `!`. */
  readonly text: string;
  matches(path: string): boolean;
}

/**
 * Compiles one pattern as moby/patternmatcher does, its oddities included: `**` also matches
 * nothing, `**x` at the start is a plain suffix, and `a/**` a plain prefix that wants the slash.
 * @throws LongshoreError `ERR_PATTERN_INVALID`
 */
export function compileIgnorePattern(line: string): IgnorePattern | undefined {
  const trimmed = line.trim();
  if (trimmed === '') return undefined;
  const cleaned = cleanGoPath(trimmed);
  const exception = cleaned.startsWith('!');
  const text = exception ? cleaned.slice(1) : cleaned;
  if (text === '') throw badPattern(trimmed);
  // Only for its errors: what is a pattern at all is for Go's Match to say.
  compileGlob(text);
  return { exception, text, matches: matcherOf(text) };
}

/** What a pattern turns out to be, which decides how it is compared. */
type Kind = 'exact' | 'prefix' | 'suffix' | 'expression';

function matcherOf(text: string): (path: string) => boolean {
  const { kind, source } = translate(text);
  switch (kind) {
    case 'exact':
      return (path) => path === text;
    case 'prefix': {
      const prefix = text.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case 'suffix': {
      const suffix = text.slice(2);
      return (path) =>
        path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression': {
      const expression = toRegExp(source, text);
      return (path) => expression.test(path);
    }
  }
}

function translate(text: string): { kind: Kind; source: string } {
  const characters = Array.from(text);
  let kind: Kind = 'exact';
  let source = '';
  let classOpen = false;
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*' && characters[at + 1] === '*') {
      const first = at === 0;
      at += characters[at + 2] === '/' ? 2 : 1;
      if (at + 1 < characters.length) {
        source += '([^\\n]*/)?';
        kind = 'expression';
      } else if (kind === 'exact') kind = 'prefix';
      else {
        source += '[^\\n]*';
        kind = 'expression';
      }
      if (first) kind = 'suffix';
      continue;
    }
    if ('*?[]'.includes(character) || (character === '\\' && at + 1 < characters.length)) {
      kind = 'expression';
    }
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      source += '[';
      classOpen = true;
    } else if (character === ']') {
      source += classOpen ? ']' : '\\]';
      classOpen = false;
    } else if (character === '\\') source += literal(characters[++at] ?? '\\');
    else source += character === '^' || character === '/' ? character : literal(character);
  }
  return { kind, source };
}

function toRegExp(source: string, text: string): RegExp {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(`^${source}$`, flags);
    } catch {
      // A wildcard within a class gives what only the older grammar reads.
    }
  }
  throw badPattern(text);
}
