/** What a text came to, or what is wrong with it. */
export type Interpolated =
  | { readonly ok: true; readonly text: string; readonly unset: readonly string[] }
  | { readonly ok: false; readonly message: string };

type Lookup = (name: string) => string | undefined;

const VARIABLE = /^\$(?:(\$)|([a-zA-Z_][a-zA-Z0-9_]*)|\{([a-zA-Z_][a-zA-Z0-9_]*)(:?[-?+]|(?=\})))/;

/**
 * Interpolates as compose does: `$X`, `${X}`, `${X:-default}`, `${X-default}`, `${X:?message}`,
 * `${X?message}`, `${X:+text}`, `${X+text}`, nested as deep as one likes. `$$` is one dollar, and a
 * dollar that begins nothing is itself. `unset` are the variables that became nothing without the
 * text having said what then.
 */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  const unset: string[] = [];
  let result = '';
  let rest = text;
  while (rest !== '') {
    const dollar = rest.indexOf('$');
    if (dollar < 0) break;
    result += rest.slice(0, dollar);
    rest = rest.slice(dollar);
    const [whole = '$', escaped, plain, braced, operator] = VARIABLE.exec(rest) ?? [];
    if (escaped !== undefined || whole === '$') {
      if (rest.startsWith('${')) return wrong(rest, text);
      result += '$';
      rest = rest.slice(whole.length);
      continue;
    }
    const name = plain ?? braced ?? '';
    const end = plain === undefined ? closingBrace(rest) : whole.length - 1;
    if (end === undefined) return wrong(rest, text);
    const word = rest.slice(whole.length, end);
    const value = apply({ name, operator, word }, lookup);
    if (!value.ok) return value;
    result += value.text;
    unset.push(...value.unset);
    rest = rest.slice(end + 1);
  }
  return { ok: true, text: result + rest, unset };
}

function apply(
  use: { readonly name: string; readonly operator: string | undefined; readonly word: string },
  lookup: Lookup,
): Interpolated {
  const { name, operator = '', word } = use;
  const value = lookup(name);
  if (operator === '') {
    return { ok: true, text: value ?? '', unset: value === undefined ? [name] : [] };
  }
  const set = value !== undefined && (value !== '' || !operator.startsWith(':'));
  // The word is worked out only where it counts: an unset variable in it is no mistake elsewhere.
  if (operator.endsWith('+')) {
    return set ? interpolate(word, lookup) : { ok: true, text: '', unset: [] };
  }
  if (set) return { ok: true, text: value, unset: [] };
  const instead = interpolate(word, lookup);
  if (operator.endsWith('-') || !instead.ok) return instead;
  const reason = instead.text === '' ? '' : `: ${instead.text}`;
  return { ok: false, message: `the variable ${name} has to be set${reason}` };
}

/** Where the brace that the text's second character opens is closed. */
function closingBrace(text: string): number | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text.charAt(index);
    if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return index;
  }
  return undefined;
}

function wrong(rest: string, text: string): Interpolated {
  const shown = JSON.stringify(rest.slice(0, 60));
  const hint = text.includes('$$') ? '' : '; a dollar that is no variable is written $$';
  return { ok: false, message: `${shown} is no variable that can be interpolated${hint}` };
}
