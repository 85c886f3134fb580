import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { LongshoreError } from '../../errors.ts';

export type ConverterName = 'mksquashfs' | 'tar2sqfs';

/** A program that turns a tar on its standard input into a squashfs. */
export interface Converter {
  readonly name: ConverterName;
  /** Absolute path. */
  readonly path: string;
  /** As it calls itself, for people and logs. */
  readonly version: string;
}

export interface FindConverterOptions {
  /**
   * Directories to look in, as `PATH` has them.
   * @defaultValue the usual `bin` and `sbin` directories of Linux
   */
  readonly searchPath?: string | undefined;
  /** Only this one, or one at this absolute path. */
  readonly converter?: string | undefined;
}

/** Where programs usually are on Linux. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

/** Best first; `mksquashfs` writes at an offset, so that a SIF is written once and not twice. */
const KNOWN: readonly ConverterName[] = ['mksquashfs', 'tar2sqfs'];

/** `-tar` came with 4.5 (July 2021); RHEL 8 has 4.3. */
const OLDEST_MKSQUASHFS: readonly [number, number] = [4, 5];

const run = promisify(execFile);

/**
 * Looks for a converter that can read a tar.
 * @throws LongshoreError `ERR_CONVERTER_NOT_FOUND`, saying what to install
 */
export async function findConverter(options: FindConverterOptions = {}): Promise<Converter> {
  const tooOld: string[] = [];
  for (const candidate of candidates(options)) {
    const version = await probe(candidate);
    if (version === undefined) continue;
    if (candidate.name === 'tar2sqfs' || readsTar(version)) return { ...candidate, version };
    tooOld.push(`${candidate.path} is ${version}`);
  }
  const found = tooOld.length === 0 ? '' : ` (${tooOld.join('; ')}; 4.5 or newer is needed)`;
  throw new LongshoreError(`No program is here that makes a squashfs from a tar${found}`, {
    code: 'ERR_CONVERTER_NOT_FOUND',
    origin: 'converter',
    hint: 'Install squashfs-tools 4.5 or newer (mksquashfs), or squashfs-tools-ng (tar2sqfs); or write oci-archive: or rootfs:, which need neither',
  });
}

function* candidates(options: FindConverterOptions): Generator<Omit<Converter, 'version'>> {
  const wanted = options.converter;
  if (wanted !== undefined && isAbsolute(wanted)) {
    yield { name: wanted.includes('tar2sqfs') ? 'tar2sqfs' : 'mksquashfs', path: wanted };
    return;
  }
  const directories = (options.searchPath ?? DEFAULT_PATH).split(delimiter).filter(isAbsolute);
  for (const name of KNOWN) {
    if (wanted !== undefined && wanted !== name) continue;
    for (const directory of directories) yield { name, path: join(directory, name) };
  }
}

async function probe(candidate: Omit<Converter, 'version'>): Promise<string | undefined> {
  try {
    await access(candidate.path, constants.X_OK);
    const flag = candidate.name === 'mksquashfs' ? '-version' : '--version';
    const { stdout } = await run(candidate.path, [flag], { timeout: 10_000, env: {} });
    return stdout.split('\n')[0]?.trim();
  } catch {
    return undefined;
  }
}

function readsTar(version: string): boolean {
  const match = /version (\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const [oldMajor, oldMinor] = OLDEST_MKSQUASHFS;
  return major > oldMajor || (major === oldMajor && minor >= oldMinor);
}
