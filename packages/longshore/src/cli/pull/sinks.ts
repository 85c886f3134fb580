import type { ImageSink } from '../../transfer/index.ts';
import { parseOutput } from './outputs.ts';

/**
 * The sinks that `--to` asks for, each once.
 * @throws LongshoreError `ERR_USAGE`
 */
export async function openSinks(
  texts: readonly string[],
  cwd: string,
): Promise<readonly ImageSink[]> {
  const outputs = texts.map((text) => parseOutput(text, cwd));
  if (outputs.length === 0) return [];
  const { createLayersSink, createOciSink } = await import('../../transfer/index.ts');
  const unique = new Map(outputs.map((output) => [`${output.kind}:${output.directory}`, output]));
  return Array.from(unique.values(), ({ kind, directory }) =>
    kind === 'oci' ? createOciSink(directory) : createLayersSink(directory),
  );
}
