import { LongshoreError } from '../../errors.ts';

const SYNTAX = /[\\^$.*+?()[\]{}|/]/;

/** True where Go's `path.Match` would see more than plain characters. */
export function hasWildcards(pattern: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/su.test(pattern);
}

/**
 * Go's `path.Match` for a whole pattern: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]` are
 * classes, a backslash takes the next character as it is.
 * @throws LongshoreError `ERR_PATTERN_INVALID`
 */
export function compileGlob(pattern: string): RegExp {
  const characters = Array.from(pattern);
  let source = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const range = readClass(characters, at + 1, pattern);
      source += range.source;
      at = range.end;
    } else if (character === '\\') {
      const next = characters[++at];
      if (next === undefined) throw badPattern(pattern);
      source += literal(next);
    } else source += literal(character);
  }
  return new RegExp(`^${source}$`, 'su');
}

function readClass(
  characters: readonly string[],
  start: number,
  pattern: string,
): { source: string; end: number } {
  let at = start;
  const negated = characters[at] === '^';
  if (negated) at++;
  const one = (): string => {
    let character = characters[at++];
    if (character === undefined || character === '-' || character === ']') {
      throw badPattern(pattern);
    }
    if (character === '\\') character = characters[at++];
    if (character === undefined || at >= characters.length) throw badPattern(pattern);
    return character;
  };
  let source = '';
  do {
    const low = one();
    let high = low;
    if (characters[at] === '-') {
      at++;
      high = one();
    }
    // A range the wrong way round holds nothing; a RegExp would refuse it.
    if (low <= high) source += `${inClass(low)}-${inClass(high)}`;
  } while (characters[at] !== ']');
  if (source === '') return { source: negated ? '[^]' : '(?!)', end: at };
  return { source: `[${negated ? '^' : ''}${source}]`, end: at };
}

function inClass(character: string): string {
  return /[\\\]^-]/.test(character) || SYNTAX.test(character) ? `\\${character}` : character;
}

/** A character as itself in a RegExp. */
export function literal(character: string): string {
  return SYNTAX.test(character) ? `\\${character}` : character;
}

/** @internal */
export function badPattern(pattern: string): LongshoreError {
  return new LongshoreError(`Not a valid pattern: ${JSON.stringify(pattern.slice(0, 200))}`, {
    code: 'ERR_PATTERN_INVALID',
    origin: 'input',
    hint: 'A [ needs its ], and a backslash something behind it; write \\[ for the character',
  });
}
