import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, isAbsent, LongshoreError } from '../../errors.ts';
import { IgnoreRules, parseIgnoreFile } from './ignoreRules.ts';

/** Far beyond any that a person writes; a file put in its place should not fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The ignore file of a build, and where it was found. */
export interface IgnoreFile {
  /** `undefined` where there is none. */
  readonly path: string | undefined;
  /** As `parseIgnoreFile` gives them; for builders that take patterns. */
  readonly patterns: readonly string[];
  readonly rules: IgnoreRules;
}

/**
 * Finds and reads what a build ignores: `<Dockerfile>.dockerignore` beside the Dockerfile, else
 * `.dockerignore` in the context's root, else nothing.
 * @param dockerfile its path; `undefined` for one that is no file
 * @throws LongshoreError `ERR_DOCKERIGNORE_INVALID`, `ERR_CONTEXT_READ`
 */
export async function readIgnoreFile(
  context: string,
  dockerfile: string | undefined,
): Promise<IgnoreFile> {
  const places = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(context, '.dockerignore'),
  ];
  for (const path of places) {
    const text = await readOrNothing(path);
    if (text === undefined) continue;
    const patterns = parseIgnoreFile(text);
    return { path, patterns, rules: compile(patterns, path) };
  }
  return { path: undefined, patterns: [], rules: new IgnoreRules([]) };
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= MAX_BYTES) return bytes.toString('utf8');
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw new LongshoreError(`Cannot read ${path} (${errnoOf(cause) ?? 'unknown error'})`, {
      code: 'ERR_CONTEXT_READ',
      origin: 'input',
      hint: 'Make it readable, or remove it: without knowing what to leave out, too much would get in',
      cause,
    });
  }
  throw new LongshoreError(`${path} is over ${MAX_BYTES} bytes`, {
    code: 'ERR_DOCKERIGNORE_INVALID',
    origin: 'input',
    hint: 'An ignore file has patterns, one a line',
  });
}

function compile(patterns: readonly string[], path: string): IgnoreRules {
  try {
    return new IgnoreRules(patterns);
  } catch (cause) {
    throw new LongshoreError(`${path}: ${cause instanceof Error ? cause.message : 'not valid'}`, {
      code: 'ERR_DOCKERIGNORE_INVALID',
      origin: 'input',
      hint: 'A [ needs its ], and a ! a pattern behind it',
      cause,
    });
  }
}
