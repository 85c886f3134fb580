import { LongshoreError } from '../errors.ts';
import type { SourcePlace } from './target.ts';

/** One thing that is wrong with what was written, where, and what would be right. */
export interface BuildProblem {
  readonly place: SourcePlace;
  /** What is wrong and what was expected, on one line. */
  readonly message: string;
}

/**
 * Files that cannot be built from: everything that is wrong with them, so that one reading mends
 * all of it. `ERR_SPEC_INVALID` for specifications, `ERR_DOCKERFILE_INVALID` for Dockerfiles.
 */
export class BuildInputError extends LongshoreError {
  readonly problems: readonly BuildProblem[];

  constructor(
    code: 'ERR_SPEC_INVALID' | 'ERR_DOCKERFILE_INVALID',
    problems: readonly BuildProblem[],
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(describe(problems), { code, origin: 'input', hint: options.hint, cause: options.cause });
    this.name = 'BuildInputError';
    this.problems = problems;
  }
}

/** `compose.yaml:3:5: what is wrong`, on one line, as editors and CI systems link it. */
export function formatProblem(problem: BuildProblem): string {
  const line = problem.message.replace(/\s*\n\s*/g, ' ');
  return `${formatPlace(problem.place)}: ${line}`;
}

export function formatPlace(place: SourcePlace): string {
  const line = place.line === undefined ? '' : `:${place.line}`;
  const column = place.column === undefined || line === '' ? '' : `:${place.column}`;
  return `${place.file}${line}${column}`;
}

function describe(problems: readonly BuildProblem[]): string {
  const lines = problems.map(formatProblem);
  if (lines.length === 1) return lines.join('');
  return [`${lines.length} problems:`, ...lines.map((line) => `  ${line}`)].join('\n');
}
