import { compressionLevel, type ExportOptions, SQUASHFS_COMPRESSIONS } from '../../export/index.ts';
import type { Settings } from '../settings/resolve.ts';
import { readUnpackLimits } from './unpackLimits.ts';

/**
 * What settings say about files that are made of images.
 * @param searchPath `PATH`, where converters are looked for
 * @throws LongshoreError `ERR_OPTION_INVALID` for a level that the compression does not have,
 *   `ERR_USAGE` for a limit that is none
 */
export function exportOptions(settings: Settings, searchPath: string | undefined): ExportOptions {
  const { jobs, level, memory: memoryBytes, reproducible } = settings;
  const compression = SQUASHFS_COMPRESSIONS.find((known) => known === settings.compression);
  // Known to be wrong after an hour of downloading is known too late.
  compressionLevel(compression ?? 'gzip', level);
  const limits = readUnpackLimits(settings['unpack-limit'] ?? []);
  return { compression, level, jobs, memoryBytes, reproducible, searchPath, limits };
}
