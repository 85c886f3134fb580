/** Whether a word is a pattern rather than a name. */
export function isGlob(text: string): boolean {
  return /[*?[\]]/.test(text);
}

/**
 * `*`, `?` and `[a-z]` within a part of a name, `**` over parts: what buildx matches targets with,
 * and what names with slashes need besides.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    const set = char === '[' ? /^\[\^?\]?[^\]]*\]/.exec(pattern.slice(index))?.[0] : undefined;
    if (set !== undefined) {
      source += set.replaceAll('\\', '\\\\');
      index += set.length - 1;
    } else if (char === '*' && pattern.charAt(index + 1) === '*') {
      source += '.*';
      index++;
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else source += char.replace(/[.+^${}()|[\]\\]/, '\\$&');
  }
  return toRegExp(source)?.test(name) ?? false;
}

/** A range out of order is no pattern, and matches nothing. */
function toRegExp(source: string): RegExp | undefined {
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return undefined;
  }
}
