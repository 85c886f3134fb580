import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../errors.ts';
import { usageError } from '../failures.ts';
import type { InputStream } from '../host.ts';

/** One image that was asked for, and where. */
export interface Entry {
  readonly input: string;
  /** `images.txt:3` for what came from a file. */
  readonly where?: string;
}

/** A hundred thousand references are 10 MB; beyond that the file is an image or a log. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;

/**
 * Reads a list of references: one a line, `#` starts a comment (at the start of a line or after a
 * space), empty lines do not count. Lines that are no references stay in: they fail as images do.
 * @param file a path, or `-` for stdin
 * @throws LongshoreError `ERR_USAGE` when it cannot be read
 */
export async function readList(
  file: string,
  { cwd, stdin }: { readonly cwd: string; readonly stdin: InputStream },
): Promise<readonly Entry[]> {
  if (file === '-') return parseList(await readAll(stdin), 'stdin');
  const resolved = path.resolve(cwd, file);
  try {
    const { size } = await stat(resolved);
    if (size <= MAX_LIST_BYTES) return parseList(await readFile(resolved, 'utf8'), file);
  } catch (cause) {
    throw usageError(`--from: cannot read ${file}: ${errnoOf(cause) ?? String(cause)}`);
  }
  throw tooLarge(file);
}

/** @param name what to call the list in messages */
export function parseList(text: string, name: string): readonly Entry[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .flatMap((line, i) => {
      const input = line.replace(/(^|\s)#.*$/, '').trim();
      return input === '' ? [] : [{ input, where: `${name}:${i + 1}` }];
    });
}

async function readAll(stdin: InputStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.byteLength;
    if (size > MAX_LIST_BYTES) throw tooLarge('stdin');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(name: string): Error {
  return usageError(`--from: ${name} is over 16 MiB`, 'A list has one reference a line');
}
