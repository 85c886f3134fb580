import type { DockerfileFlag } from './types.ts';
import { unquote } from './words.ts';

/** Takes `--name[=value]` words from the front; a lone `--` ends them and goes with them. */
export function takeFlags(
  text: string,
  escape: string,
): { readonly flags: readonly DockerfileFlag[]; readonly rest: string } {
  const flags: DockerfileFlag[] = [];
  let rest = text.trim();
  while (rest.startsWith('--')) {
    const word = firstWord(rest, escape);
    rest = rest.slice(word.length).trimStart();
    if (word === '--') break;
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    flags.push(equals < 0 ? { name } : { name, value: unquote(word.slice(equals + 1), escape) });
  }
  return { flags, rest };
}

function firstWord(text: string, escape: string): string {
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const char = text.charAt(index);
    if (quote === '' && /\s/.test(char)) return text.slice(0, index);
    if (char === escape && quote !== "'") index++;
    else if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
  }
  return text;
}
