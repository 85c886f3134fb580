import { LongshoreError } from '../../errors.ts';
import type { ConverterName } from './converter.ts';

/** What the blocks are compressed with: gzip mounts everywhere, zstd is faster and smaller. */
export const SQUASHFS_COMPRESSIONS = ['gzip', 'zstd', 'lz4', 'xz'] as const;

export type SquashfsCompression = (typeof SQUASHFS_COMPRESSIONS)[number];

export interface SquashfsOptions {
  /**
   * Apptainer warns about all but gzip; kernels before 4.14 and squashfuse before 0.1.101 cannot
   * mount zstd.
   * @defaultValue 'gzip'
   */
  readonly compression?: SquashfsCompression | undefined;
  /**
   * Compression level of gzip (1 to 9) or zstd (1 to 22).
   * @defaultValue 1 for gzip: nine takes five times as long for 9 % (measured, 932 MB image);
   *   3 for zstd
   */
  readonly level?: number | undefined;
  /**
   * Threads of the converter; more than the process may use (affinity and cgroup) are not started.
   * @defaultValue what the process may use
   */
  readonly jobs?: number | undefined;
  /**
   * Bytes of memory that the converter's queues and caches may take, at most half of what the
   * process may use. It needs about 100 MB more.
   * @defaultValue 256 MiB, or an eighth of what the process may use where that is less
   */
  readonly memoryBytes?: number | undefined;
}

/** All that decides how a converter is called. */
export interface ConversionPlan {
  readonly output: string;
  /** Where in the output the squashfs starts. */
  readonly offsetBytes: number;
  readonly compression: SquashfsCompression;
  readonly level: number | undefined;
  readonly jobs: number;
  readonly memoryBytes: number;
  readonly rootMode: number;
}

const LEVELS: Readonly<Record<SquashfsCompression, readonly [number, number, number] | undefined>> =
  { gzip: [1, 1, 9], zstd: [3, 1, 22], lz4: undefined, xz: undefined };

/** @throws LongshoreError `ERR_OPTION_INVALID` for a level that the compression does not have */
export function compressionLevel(
  compression: SquashfsCompression,
  level: number | undefined,
): number | undefined {
  const range = LEVELS[compression];
  if (range === undefined) {
    if (level === undefined) return undefined;
    throw badLevel(`${compression} has no levels`);
  }
  const [usual, lowest, highest] = range;
  const chosen = level ?? usual;
  if (Number.isInteger(chosen) && chosen >= lowest && chosen <= highest) return chosen;
  throw badLevel(`${compression} has the levels ${lowest} to ${highest}, not ${chosen}`);
}

function badLevel(reason: string): LongshoreError {
  return new LongshoreError(`The compression level cannot be used: ${reason}`, {
    code: 'ERR_OPTION_INVALID',
    origin: 'input',
    hint: 'Leave the level out to get a good one',
  });
}

/** The command line for a plan. */
export function converterArguments(name: ConverterName, plan: ConversionPlan): string[] {
  return name === 'mksquashfs' ? forMksquashfs(plan) : forTar2sqfs(plan);
}

function forMksquashfs(plan: ConversionPlan): string[] {
  const megabytes = Math.max(16, Math.floor(plan.memoryBytes / 1024 ** 2));
  return [
    '-',
    plan.output,
    '-tar',
    '-noappend',
    '-quiet',
    '-no-progress',
    '-no-recovery',
    '-exit-on-error',
    '-root-mode',
    plan.rootMode.toString(8),
    '-comp',
    plan.compression,
    // `sqfstar` ignores its level (squashfs-tools#191); `mksquashfs -tar` does not.
    ...(plan.level === undefined ? [] : ['-Xcompression-level', String(plan.level)]),
    '-processors',
    String(plan.jobs),
    '-mem',
    `${megabytes}M`,
    ...(plan.offsetBytes === 0 ? [] : ['-offset', String(plan.offsetBytes)]),
  ];
}

function forTar2sqfs(plan: ConversionPlan): string[] {
  // Its queue holds blocks of 128 KiB, plain and compressed.
  const backlog = Math.max(plan.jobs, Math.floor(plan.memoryBytes / (256 * 1024)));
  return [
    '--quiet',
    '--force',
    '--no-skip',
    '--compressor',
    plan.compression,
    ...(plan.level === undefined ? [] : ['--comp-extra', `level=${plan.level}`]),
    '--num-jobs',
    String(plan.jobs),
    '--queue-backlog',
    String(Math.min(backlog, 10 * plan.jobs)),
    plan.output,
  ];
}
