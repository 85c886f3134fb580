import { LongshoreError } from '../../errors.ts';
import { removePattern, replacePattern } from './patterns.ts';

export interface ExpandOptions {
  /** The Dockerfile's escape character. */
  readonly escape: string;
  /** A variable's value, `undefined` where it is not set. */
  readonly lookup: (name: string) => string | undefined;
}

/**
 * Expands `$X`, `${X}`, `${X:-default}`, `${X:+alternative}`, `${X:?message}`, the same without
 * colon, `${X#pattern}`, `${X%pattern}` and `${X/pattern/text}`, and takes quotes and escapes away:
 * what BuildKit does with the words of every instruction but RUN, CMD and ENTRYPOINT. An unset
 * variable is empty.
 * @throws LongshoreError `ERR_DOCKERFILE_INVALID`, without a place: the caller knows the line
 */
export function expandWord(word: string, options: ExpandOptions): string {
  return pieces(word, options)
    .map((piece) => piece.text)
    .join('');
}

/**
 * The same for a text of several words: blanks outside of quotes split, also those that come out
 * of a variable.
 * @throws LongshoreError `ERR_DOCKERFILE_INVALID`
 */
export function expandWords(text: string, options: ExpandOptions): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const piece of pieces(text, options)) {
    if (piece.quoted) {
      word = (word ?? '') + piece.text;
      continue;
    }
    for (const part of piece.text.split(/(\s+)/)) {
      if (!/^\s/.test(part)) {
        if (part !== '') word = (word ?? '') + part;
        continue;
      }
      if (word !== undefined) words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

interface Piece {
  readonly text: string;
  /** Blanks within do not split. */
  readonly quoted: boolean;
}

function pieces(text: string, options: ExpandOptions): readonly Piece[] {
  return scanUntil(new Scanner(text), '', options);
}

class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  peek(): string {
    return this.text.charAt(this.at);
  }

  next(): string {
    return this.text.charAt(this.at++);
  }

  match(pattern: RegExp): string {
    const found = pattern.exec(this.text.slice(this.at))?.[0] ?? '';
    this.at += found.length;
    return found;
  }
}

/** Reads up to the character `stop`, which is taken too, or to the end where it is empty. */
function scanUntil(
  scanner: Scanner,
  stop: string,
  options: ExpandOptions & { readonly keepEscapes?: boolean },
): Piece[] {
  const found: Piece[] = [];
  for (let char = scanner.peek(); char !== ''; char = scanner.peek()) {
    if (char === stop) {
      scanner.next();
      return found;
    }
    if (char === "'") found.push(singleQuoted(scanner));
    else if (char === '"') found.push(doubleQuoted(scanner, options));
    else if (char === '$') found.push({ text: variable(scanner, options), quoted: false });
    else if (char === options.escape) {
      const kept = options.keepEscapes === true ? options.escape : '';
      scanner.next();
      found.push({ text: kept + scanner.next(), quoted: true });
    } else found.push({ text: scanner.next(), quoted: false });
  }
  if (stop !== '') throw wrong(scanner, `${stop} is missing`);
  return found;
}

function singleQuoted(scanner: Scanner): Piece {
  scanner.next();
  const text = scanner.match(/^[^']*/);
  if (scanner.next() !== "'") throw wrong(scanner, "the closing ' is missing");
  return { text, quoted: true };
}

function doubleQuoted(scanner: Scanner, options: ExpandOptions): Piece {
  scanner.next();
  let text = '';
  for (let char = scanner.peek(); char !== '"'; char = scanner.peek()) {
    if (char === '') throw wrong(scanner, 'the closing " is missing');
    if (char === '$') {
      text += variable(scanner, options);
      continue;
    }
    scanner.next();
    if (char !== options.escape) text += char;
    // Within quotes an escape that has nothing to take literally stands for itself.
    else if (['"', '$', options.escape].includes(scanner.peek())) text += scanner.next();
    else text += char;
  }
  scanner.next();
  return { text, quoted: true };
}

const NAME = /^(?:[a-zA-Z_][a-zA-Z0-9_]*|[0-9]+|[@*#?\-$!])/;

function variable(scanner: Scanner, options: ExpandOptions): string {
  scanner.next();
  if (scanner.peek() !== '{') {
    const name = scanner.match(NAME);
    return name === '' ? '$' : (options.lookup(name) ?? '');
  }
  scanner.next();
  const name = scanner.match(NAME);
  if (name === '') throw wrong(scanner, 'the name of a variable is missing');
  const value = options.lookup(name);
  const operator = scanner.match(/^(?:\}|:?[-+?]|##?|%%?|\/\/?)/);
  if (operator === '}') return value ?? '';
  if (operator === '') throw wrong(scanner, `\${${name}...} is not an expansion that exists`);
  if (operator.startsWith('/')) return replaced(scanner, options, { value, operator });
  // A pattern needs its escapes: an escaped star is a star.
  const keepEscapes = /[#%]/.test(operator);
  const word = textOf(scanUntil(scanner, '}', { ...options, keepEscapes }));
  return applied(operator, word, { name, value, scanner });
}

function applied(
  operator: string,
  word: string,
  of: { readonly name: string; readonly value: string | undefined; readonly scanner: Scanner },
): string {
  const { value } = of;
  const set = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  switch (operator.replace(':', '')) {
    case '-':
      return set ? (value ?? '') : word;
    case '+':
      return set ? word : '';
    case '?':
      if (set) return value ?? '';
      throw wrong(of.scanner, `${of.name}: ${word === '' ? 'it has to be set' : word}`);
    default:
      return removePattern(value ?? '', operator, word);
  }
}

function replaced(
  scanner: Scanner,
  options: ExpandOptions,
  of: { readonly value: string | undefined; readonly operator: string },
): string {
  const pattern = textOf(scanUntil(scanner, '/', { ...options, keepEscapes: true }));
  const by = textOf(scanUntil(scanner, '}', options));
  return replacePattern(of.value ?? '', { pattern, by, all: of.operator === '//' });
}

function textOf(found: readonly Piece[]): string {
  return found.map((piece) => piece.text).join('');
}

function wrong(scanner: Scanner, reason: string): LongshoreError {
  return new LongshoreError(
    `Cannot expand ${JSON.stringify(scanner.text.slice(0, 100))}: ${reason}`,
    {
      code: 'ERR_DOCKERFILE_INVALID',
      origin: 'input',
    },
  );
}
