import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

/** What quotas leave; `undefined` where they set no limit. */
export interface QuotaLeft {
  readonly bytes: number | undefined;
  readonly inodes: number | undefined;
}

/** Type of a Lustre file system, as `statfs` gives it (`LL_SUPER_MAGIC`). */
const LUSTRE = 0x0bd00bd0;
/** Asking a file server that does not answer must not hold up a pull. */
const TIMEOUT_MS = 5000;
const BLOCK_BYTES = 1024;

const run = promisify(execFile);

/**
 * What the quotas of user and group leave on the file system of a path: `lfs quota` on Lustre, else
 * `quota`, where they are installed. Nothing depends on it: what is not there, not understood or too
 * slow tells nothing.
 * @param path real and absolute
 * @param fileSystemType `type` of `statfs`
 */
export async function readQuota(
  path: string,
  about: {
    readonly fileSystemType: number;
    /** Group of the directory: what is written there counts for it. */
    readonly group: number;
    readonly searchPath: string;
  },
): Promise<QuotaLeft> {
  const outputs =
    about.fileSystemType === LUSTRE
      ? await Promise.all([
          ask('lfs', ['quota', '-q', '-u', String(process.geteuid?.() ?? 0), path], about),
          ask('lfs', ['quota', '-q', '-g', String(about.group), path], about),
        ])
      : [await ask('quota', ['-u', '-g', '-w', '-p', '--show-mntpoint', '--hide-device'], about)];
  const lustre = about.fileSystemType === LUSTRE;
  return leastOf(
    outputs.flatMap((text) => (lustre ? parseLfsQuota(text) : parseQuota(text, path))),
  );
}

/**
 * The lines of `quota -w -p --show-mntpoint --hide-device` about the file system that holds a path.
 * Pure. A line that has not the eight columns of numbers says nothing.
 */
export function parseQuota(text: string, path: string): QuotaLeft[] {
  const lines = text.split('\n').flatMap((line) => {
    const match = /^\s*(\/\S*)\s+(\S.*)$/.exec(line);
    const left = parseColumns(match?.[2]);
    return match?.[1] === undefined || left === undefined ? [] : [{ mount: match[1], left }];
  });
  const holds = (mount: string): boolean =>
    path === mount || path.startsWith(mount.endsWith('/') ? mount : `${mount}/`);
  const mounts = lines.map(({ mount }) => mount).filter(holds);
  const nearest = mounts.toSorted((a, b) => b.length - a.length)[0];
  return lines.filter(({ mount }) => mount === nearest).map(({ left }) => left);
}

/** What `lfs quota -q` says; a long path stands on a line of its own. Pure. */
export function parseLfsQuota(text: string): QuotaLeft[] {
  const match = /^\s*\/\S*\s+(\S[^\n]*)\n?\s*$/.exec(text);
  const left = parseColumns(match?.[1]);
  return left === undefined ? [] : [left];
}

/** Used, soft limit, hard limit and grace; of kilobytes, then of files. */
function parseColumns(text: string | undefined): QuotaLeft | undefined {
  const columns = text?.trim().split(/\s+/) ?? [];
  const [blocks, , , , files] = columns;
  const numbers = [0, 1, 2, 4, 5, 6].map((at) => columns[at]?.replace(/\*$/, '') ?? '');
  if (columns.length !== 8 || blocks === undefined || files === undefined) return undefined;
  if (!numbers.every((number) => /^\d{1,18}$/.test(number))) return undefined;
  const [used = 0, soft = 0, hard = 0, usedFiles = 0, softFiles = 0, hardFiles = 0] =
    numbers.map(Number);
  const bytes = remaining(used, soft, hard);
  return {
    bytes: bytes === undefined ? undefined : bytes * BLOCK_BYTES,
    inodes: remaining(usedFiles, softFiles, hardFiles),
  };
}

/** A limit of 0 is none. The soft one may be passed for a while only, so it counts. */
function remaining(used: number, soft: number, hard: number): number | undefined {
  const limits = [soft, hard].filter((limit) => limit > 0);
  return limits.length === 0 ? undefined : Math.max(0, Math.min(...limits) - used);
}

function leastOf(all: readonly QuotaLeft[]): QuotaLeft {
  const least = (numbers: readonly (number | undefined)[]): number | undefined => {
    const known = numbers.filter((number) => number !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  };
  return {
    bytes: least(all.map(({ bytes }) => bytes)),
    inodes: least(all.map(({ inodes }) => inodes)),
  };
}

async function ask(
  program: string,
  args: readonly string[],
  { searchPath }: { readonly searchPath: string },
): Promise<string> {
  for (const directory of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(directory, program);
    try {
      await access(path, constants.X_OK);
    } catch {
      continue;
    }
    // `quota` ends with 1 for who is over a limit, and has printed it all the same.
    const answer = run(path, args, { timeout: TIMEOUT_MS, env: { LC_ALL: 'C' } });
    return answer.then(
      ({ stdout }) => stdout,
      (error: unknown) =>
        typeof error === 'object' && error !== null && 'stdout' in error
          ? String(error.stdout)
          : '',
    );
  }
  return '';
}
