import { compileIgnorePattern, type IgnorePattern } from './ignorePattern.ts';
import { cleanGoPath } from './names.ts';

/** What each pattern said of a directory; its children inherit that. */
type Verdicts = readonly boolean[];

/**
 * The lines of a `.dockerignore` that are patterns, normalised as Docker's reader does it: comments
 * (a `#` in the first column) and blanks left out, `/` at the start taken off.
 */
export function parseIgnoreFile(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const trimmed = line.trim();
    if (trimmed === '') continue;
    const exception = trimmed.startsWith('!');
    const written = exception ? trimmed.slice(1).trim() : trimmed;
    const cleaned = written === '' ? '' : cleanGoPath(written);
    const pattern = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
    patterns.push(exception ? `!${pattern}` : pattern);
  }
  return patterns;
}

/**
 * Says what of a folder is ignored, as BuildKit does (moby/patternmatcher
 * `MatchesUsingParentResults`): the last pattern that matches the path or a directory above wins.
 * Paths are relative, with slashes, without a dot before.
 */
export class IgnoreRules {
  readonly #patterns: readonly IgnorePattern[];
  readonly #exceptions: readonly IgnorePattern[];
  readonly #verdicts = new Map<string, Verdicts>();

  /** @throws LongshoreError `ERR_PATTERN_INVALID` */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.flatMap((line) => compileIgnorePattern(line) ?? []);
    this.#exceptions = this.#patterns.filter(({ exception }) => exception);
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  ignores(path: string): boolean {
    if (this.isEmpty || path === '') return false;
    return this.#judge(path).ignored;
  }

  /** Whether an ignored directory may hold what is not ignored. */
  mayHoldExceptions(directory: string): boolean {
    return this.#exceptions.some(({ text }) => {
      const wildcard = text.search(/[*?[\\]/);
      if (wildcard < 0) return `${text}/`.startsWith(`${directory}/`);
      const fixed = text.slice(0, wildcard);
      return fixed.startsWith(`${directory}/`) || `${directory}/`.startsWith(fixed);
    });
  }

  #judge(path: string): { ignored: boolean; verdicts: Verdicts } {
    const slash = path.lastIndexOf('/');
    const above = slash < 0 ? undefined : this.#ofDirectory(path.slice(0, slash));
    let ignored = false;
    const verdicts = this.#patterns.map((pattern, i) => {
      if (above?.[i] !== true) {
        // Asked only where the answer can change something: that is what BuildKit's children inherit.
        if (pattern.exception !== ignored || !pattern.matches(path)) return false;
      }
      ignored = !pattern.exception;
      return true;
    });
    return { ignored, verdicts };
  }

  #ofDirectory(path: string): Verdicts {
    const known = this.#verdicts.get(path);
    if (known !== undefined) return known;
    const { verdicts } = this.#judge(path);
    this.#verdicts.set(path, verdicts);
    return verdicts;
  }
}
