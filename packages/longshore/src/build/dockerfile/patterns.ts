/** `${X#p}`, `${X##p}`, `${X%p}`, `${X%%p}`: takes the shortest or longest match off one end. */
export function removePattern(value: string, operator: string, pattern: string): string {
  const greedy = operator.length === 2;
  const fromStart = operator.startsWith('#');
  const source = new RegExp(`^${regexSource(pattern)}$`, 's');
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  if (greedy) lengths.reverse();
  for (const length of lengths) {
    const part = fromStart ? value.slice(0, length) : value.slice(value.length - length);
    if (!source.test(part)) continue;
    return fromStart ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

/** `${X/p/text}` and `${X//p/text}`: the first or every longest match becomes the text. */
export function replacePattern(
  value: string,
  options: { readonly pattern: string; readonly by: string; readonly all: boolean },
): string {
  if (options.pattern === '') return value;
  const source = new RegExp(regexSource(options.pattern), options.all ? 'gs' : 's');
  return value.replace(source, () => options.by);
}

function regexSource(pattern: string): string {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '\\' && index + 1 < pattern.length)
      source += literal(pattern.charAt(++index));
    else source += literal(char);
  }
  return source;
}

function literal(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
}
