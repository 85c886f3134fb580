import { isLongshoreError, LongshoreError } from '../errors.ts';
import { Interrupted } from './exitCodes.ts';
import { cleanText } from './render/text.ts';

/** A mistake of whoever typed the command or wrote the settings. */
export function usageError(message: string, hint?: string, cause?: unknown): LongshoreError {
  return new LongshoreError(message, { code: 'ERR_USAGE', origin: 'input', hint, cause });
}

/**
 * What is printed about an error that ended the run: a line for a person. A stack only for what
 * nobody foresaw, and only where it was asked for.
 */
export function describeError(
  error: unknown,
  { verbose, reportTo }: { readonly verbose: boolean; readonly reportTo: string },
): string {
  if (error instanceof Interrupted) return 'longshore: interrupted';
  if (isLongshoreError(error)) {
    const hint = error.hint === undefined ? '' : `. ${error.hint}`;
    const lines = [`longshore: ${linesOf(error, hint).join('\n  ')}`];
    if (verbose) lines.push(`  code: ${error.code}`, ...causes(error.cause));
    return lines.join('\n');
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const lines = [
    `longshore: this is a bug: ${cleanText(message)}`,
    verbose ? stackOf(error) : 'longshore: run it again with --verbose for the details',
    `longshore: please report it, with the command line, to ${reportTo}`,
  ];
  return lines.join('\n');
}

/** A specification is mended in one go: each of its problems has a line. Other errors are one. */
function linesOf(error: LongshoreError, hint: string): string[] {
  const text = `${error.message}${hint}`;
  return (error.code === 'ERR_SPEC_INVALID' ? text.split('\n') : [text]).map(cleanText);
}

function causes(cause: unknown): string[] {
  const lines: string[] = [];
  let current = cause;
  while (current instanceof Error && lines.length < 5) {
    lines.push(`  because: ${cleanText(current.message)}`);
    current = current.cause;
  }
  return lines;
}

function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : String(error);
}
