import { createDigestHash, digestAlgorithm, finishDigest } from '../../image/index.ts';
import { TarReader } from '../tar/reader.ts';
import { lendPlain } from './decompress.ts';
import { inLayer, layerError } from './errors.ts';
import { LayerIndex } from './layerIndex.ts';
import type { LayerBudget } from './limits.ts';
import type { LayerSource } from './source.ts';

export interface ReadLayerOptions {
  readonly budget: LayerBudget;
  readonly signal?: AbortSignal | undefined;
  /** Called for each piece with its plain bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Reads a layer once from end to end: indexes its headers and checks its diff ID. No data is kept.
 * @throws LongshoreError `ERR_LAYER_DIFF_ID`, `ERR_LAYER_CORRUPT`, `ERR_LAYER_PATH`,
 *   `ERR_TAR_INVALID`, `ERR_LIMIT_...`
 */
export async function readLayer(
  source: LayerSource,
  options: ReadLayerOptions,
): Promise<LayerIndex> {
  const { budget, signal } = options;
  const index = new LayerIndex(budget);
  const reader = new TarReader({
    onEntry: (entry) => {
      const stored = entry.sparse?.reduce((sum, run) => sum + run.bytes, 0) ?? entry.size;
      // Holes are no bytes of the stream, yet they are bytes of what gets written.
      if (stored < entry.size) budget.addBytes(entry.size - stored);
      index.add(entry);
    },
    onData: () => undefined,
  });
  const hash = source.diffId === undefined ? undefined : createDigestHash(source.diffId);
  try {
    for await (const chunk of lendPlain(source, signal)) {
      signal?.throwIfAborted();
      budget.addBytes(chunk.length);
      hash?.update(chunk);
      reader.write(chunk);
      options.onBytes?.(chunk.length);
    }
    reader.end();
    checkDiffId(source, hash);
  } catch (error) {
    throw inLayer(source.descriptor.digest, error);
  }
  return index;
}

function checkDiffId(
  source: LayerSource,
  hash: ReturnType<typeof createDigestHash> | undefined,
): void {
  if (source.diffId === undefined || hash === undefined) return;
  const found = finishDigest(digestAlgorithm(source.diffId), hash);
  if (found === source.diffId) return;
  throw layerError(
    'DIFF_ID',
    `It unpacks to ${found}, the image's config says ${source.diffId}: the image is inconsistent`,
  );
}
