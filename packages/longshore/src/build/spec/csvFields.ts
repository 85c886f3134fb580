/**
 * Splits `type=registry,ref=a,"x=1,2"` at commas outside of quotes, as Go's CSV reader does for
 * BuildKit's options.
 * @returns `undefined` where a quote has no end
 */
export function splitCsv(text: string): readonly string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  while (at <= text.length) {
    if (text.charAt(at) !== '"') {
      const comma = text.indexOf(',', at);
      const end = comma < 0 ? text.length : comma;
      fields.push(text.slice(at, end));
      at = end + 1;
      continue;
    }
    const quoted = /^"((?:[^"]|"")*)"(?:,|$)/.exec(text.slice(at));
    if (quoted === null) return undefined;
    fields.push((quoted[1] ?? '').replaceAll('""', '"'));
    at += quoted[0].endsWith(',') ? quoted[0].length : quoted[0].length + 1;
  }
  return fields;
}
