import { inLayer } from './errors.ts';
import { FileTree } from './fileTree.ts';
import type { LayerIndex } from './layerIndex.ts';
import { LayerBudget, type LayerLimits } from './limits.ts';
import { readLayer } from './readLayer.ts';
import type { LayerSource } from './source.ts';

export interface IndexOptions {
  readonly limits?: LayerLimits | undefined;
  /**
   * How many layers are read side by side.
   * @defaultValue 2
   */
  readonly width?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Called when a layer has been read to its end. */
  readonly onLayer?: ((source: LayerSource, entries: number) => void) | undefined;
}

/**
 * Reads all layers once, side by side, and lays them over each other, oldest first.
 * @returns the tree of names, to be written out by `emitTree` over the same sources
 * @throws LongshoreError what `readLayer` and `FileTree.apply` throw; the first error stops all
 */
export async function indexLayers(
  sources: readonly LayerSource[],
  options: IndexOptions = {},
): Promise<FileTree> {
  const stored = sources.reduce((sum, source) => sum + source.descriptor.size, 0);
  const budget = new LayerBudget(options.limits ?? {}, stored);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const indexes: (LayerIndex | undefined)[] = [];
  // Largest first: begun last it would be read alone in the end.
  const queue = [...sources.entries()]
    .toSorted(([, a], [, b]) => b.descriptor.size - a.descriptor.size)
    .values();
  const work = async (): Promise<void> => {
    for (const [i, source] of queue) {
      const index = await readLayer(source, { budget, signal, onBytes: options.onBytes });
      indexes[i] = index;
      options.onLayer?.(source, index.length);
    }
  };
  const workers = Array.from({ length: Math.max(1, options.width ?? 2) }, async () => {
    try {
      await work();
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  // All of them have to have let go of their streams before anybody hears of the first error.
  await Promise.allSettled(workers);
  stop.signal.throwIfAborted();
  options.signal?.throwIfAborted();
  const tree = new FileTree(budget.maxEntries);
  for (const [i, index] of indexes.entries()) {
    if (index !== undefined) applyLayer(tree, index, sources[i]);
  }
  return tree;
}

function applyLayer(tree: FileTree, index: LayerIndex, source: LayerSource | undefined): void {
  try {
    tree.apply(index);
  } catch (error) {
    throw source === undefined ? error : inLayer(source.descriptor.digest, error);
  }
}
