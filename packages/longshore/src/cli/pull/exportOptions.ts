import { compressionLevel, type ExportOptions } from '../../export/index.ts';
import type { Settings } from '../settings/resolve.ts';

const COMPRESSIONS = ['gzip', 'zstd', 'lz4', 'xz'] as const;

/**
 * What settings say about files that are made of images.
 * @param searchPath `PATH`, where converters are looked for
 * @throws LongshoreError `ERR_OPTION_INVALID` for a level that the compression does not have
 */
export function exportOptions(settings: Settings, searchPath: string | undefined): ExportOptions {
  const { jobs, level, memory: memoryBytes, reproducible } = settings;
  const compression = COMPRESSIONS.find((known) => known === settings.compression);
  // Known to be wrong after an hour of downloading is known too late.
  compressionLevel(compression ?? 'gzip', level);
  return { compression, level, jobs, memoryBytes, reproducible, searchPath };
}
