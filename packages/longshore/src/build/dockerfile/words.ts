/**
 * Splits at blanks outside of quotes. Quotes, escapes and variables stay as they are, so each word
 * can be expanded on its own.
 */
export function splitWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text.charAt(index);
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += char;
    if (char === escape && quote !== "'") word += text.charAt(++index);
    else if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
  }
  if (word !== '') words.push(word);
  return words;
}

/** Takes quotes and escapes away and leaves `$` alone. */
export function unquote(word: string, escape: string): string {
  let plain = '';
  let quote = '';
  for (let index = 0; index < word.length; index++) {
    const char = word.charAt(index);
    if (char === escape && quote !== "'" && index + 1 < word.length) plain += word.charAt(++index);
    else if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else plain += char;
  }
  return plain;
}

/** The array where a text is one of strings only; `undefined` for everything else. */
export function readJsonWords(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return undefined;
    const words = value.filter((item) => typeof item === 'string');
    return words.length === value.length ? words : undefined;
  } catch {
    // As Docker does: what is no JSON array is a command for the shell.
    return undefined;
  }
}
