import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, copyFile, link, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, LongshoreError } from '../errors.ts';
import { makeFolders } from '../fileSystem.ts';
import { type Descriptor, digestHex, type Platform } from '../image/index.ts';
import { diskError, partialName } from './disk.ts';
import { isSifOf } from './sif/read.ts';

const run = promisify(execFile);

/** Versions of which the cache was read in source; others may look elsewhere. */
const KNOWN = { oldest: [1, 3], newest: [1, 6] } as const;

/** Which Apptainer, and where it keeps its cache. */
export interface ApptainerPlace {
  /** Apptainer's cache: `$APPTAINER_CACHEDIR/cache`, or `~/.apptainer/cache`. */
  readonly cacheDirectory: string;
  /** The program, to ask for its version. @defaultValue 'apptainer' */
  readonly apptainer?: string | undefined;
  /** Directories to look for it in, as `PATH` has them. @defaultValue those of this process */
  readonly searchPath?: string | undefined;
}

export interface WarmApptainerRequest extends ApptainerPlace {
  /** A SIF that was made here from the image. */
  readonly sif: string;
  /** What the *tag* leads to: the index where there is one. Apptainer asks for its digest. */
  readonly tagDescriptor: Pick<Descriptor, 'digest'>;
  /** The image in the SIF. */
  readonly imageDescriptor: Pick<Descriptor, 'digest'>;
  readonly platform: Platform;
}

/**
 * The name under which Apptainer keeps the SIF of an OCI image below `oci-tmp/`: SHA-256 over the
 * hex digest that the registry gives for the tag, then architecture and variant (Apptainer 1.3 to
 * 1.6-dev, `internal/pkg/build/oci` and `client/oci`).
 */
export function apptainerCacheKey(
  tagDescriptor: Pick<Descriptor, 'digest'>,
  platform: Platform,
): string {
  const text = digestHex(tagDescriptor.digest) + platform.architecture + (platform.variant ?? '');
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Puts a SIF where Apptainer looks before it converts an image by itself. Its authors warn against
 * writing to the cache, so this is done only on request, only for versions of which the layout is
 * known, and only with a SIF of that very image. Apptainer still asks the registry for the tag.
 * @returns the file in the cache
 * @throws LongshoreError `ERR_APPTAINER_VERSION`, `ERR_SIF_FOREIGN`, `ERR_OUTPUT_WRITE`
 */
export async function warmApptainerCache(request: WarmApptainerRequest): Promise<string> {
  await checkApptainer(request);
  if (!(await isSifOf(request.sif, request.imageDescriptor.digest))) throw foreign(request);
  const key = apptainerCacheKey(request.tagDescriptor, request.platform);
  const target = join(request.cacheDirectory, 'oci-tmp', key);
  const partial = partialName(target);
  try {
    // Apptainer itself makes its directories so, and warns about others.
    await makeFolders(dirname(target), 0o700);
    await share(request.sif, partial);
    await rename(partial, target);
  } catch (error) {
    throw diskError(target, error);
  }
  return target;
}

/**
 * Whether the Apptainer that is here keeps its cache as it is known to.
 * @throws LongshoreError `ERR_APPTAINER_VERSION`
 */
export async function checkApptainer({
  apptainer = 'apptainer',
  searchPath,
}: Omit<ApptainerPlace, 'cacheDirectory'> = {}): Promise<void> {
  checkVersion(await readVersion(apptainer, searchPath));
}

async function share(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}

async function readVersion(program: string, searchPath: string | undefined): Promise<string> {
  const env = searchPath === undefined ? {} : { env: { PATH: searchPath, LC_ALL: 'C' } };
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 20_000, ...env });
    return stdout.trim();
  } catch (error) {
    throw new LongshoreError(`${program} cannot be asked for its version`, {
      code: 'ERR_APPTAINER_VERSION',
      origin: 'converter',
      hint: 'Load the module that brings it, or leave its cache alone: a SIF is started by its path as well',
      cause: error,
    });
  }
}

function checkVersion(said: string): void {
  const match = /^apptainer version (\d+)\.(\d+)/.exec(said);
  if (match !== null) {
    const version = Number(match[1]) * 1000 + Number(match[2]);
    const bound = ([major, minor]: readonly [number, number]): number => major * 1000 + minor;
    if (version >= bound(KNOWN.oldest) && version <= bound(KNOWN.newest)) return;
  }
  throw new LongshoreError(`The cache of ${JSON.stringify(said.slice(0, 80))} is not known here`, {
    code: 'ERR_APPTAINER_VERSION',
    origin: 'converter',
    hint: `Known are Apptainer ${KNOWN.oldest.join('.')} to ${KNOWN.newest.join('.')}; start the SIF by its path instead`,
  });
}

function foreign(request: WarmApptainerRequest): LongshoreError {
  return new LongshoreError(`${request.sif} is not a SIF of ${request.imageDescriptor.digest}`, {
    code: 'ERR_SIF_FOREIGN',
    origin: 'input',
    hint: 'Make it with `longshore pull --to sif:`',
  });
}
