/** The comments at the very top that tell a parser how to read the rest. */
export interface Directives {
  readonly escape: '\\' | '`';
  readonly syntax?: string | undefined;
  /** What `# escape=` asked for, where that is neither of the two that exist. */
  readonly wrongEscape?: { readonly line: number; readonly value: string } | undefined;
}

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const KNOWN = new Set(['syntax', 'escape', 'check']);

/** Reads parser directives: the first line that is none ends them, an empty line or comment too. */
export function readDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, { line: number; value: string }>();
  const start = lines[0]?.startsWith('#!') === true ? 1 : 0;
  for (let index = start; index < lines.length; index++) {
    const [, name = '', value = ''] = DIRECTIVE.exec(lines[index]?.trim() ?? '') ?? [];
    const key = name.toLowerCase();
    if (!KNOWN.has(key) || found.has(key)) break;
    found.set(key, { line: index + 1, value });
  }
  const escape = found.get('escape');
  const syntax = found.get('syntax')?.value;
  if (escape === undefined || escape.value === '\\') return { escape: '\\', syntax };
  if (escape.value === '`') return { escape: '`', syntax };
  return { escape: '\\', syntax, wrongEscape: escape };
}

/**
 * Whether a `# syntax=` names Docker's own frontend, whose language this is. Others may mean
 * anything by the same words.
 */
export function isDockerSyntax(syntax: string | undefined): boolean {
  if (syntax === undefined) return true;
  const name = syntax.replace(/^docker-image:\/\//, '').replace(/^(?:index\.)?docker\.io\//, '');
  return /^docker\/dockerfile(?:-upstream)?(?:[:@]|$)/.test(name);
}
