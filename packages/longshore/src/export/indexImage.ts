import type { ExportListener } from './events.ts';
import type { FileTree } from './layer/fileTree.ts';
import { indexLayers } from './layer/flatten.ts';
import type { LayerLimits } from './layer/limits.ts';
import type { LayerSource } from './layer/source.ts';

/** An image's layers, read once: what there will be, and that each unpacks to what its config says. */
export interface IndexedImage {
  readonly tree: FileTree;
  /** Of all layers, unpacked. */
  readonly plainBytes: number;
}

export interface IndexImageOptions {
  readonly limits?: LayerLimits | undefined;
  /** Layers read side by side. */
  readonly width: number;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onEvent?: ExportListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The first of the two readings; see `indexLayers`. */
export async function indexImage(
  layers: readonly LayerSource[],
  options: IndexImageOptions,
): Promise<IndexedImage> {
  const { limits, width, signal, onEvent } = options;
  let plainBytes = 0;
  const tree = await indexLayers(layers, {
    limits,
    width,
    signal,
    onBytes: (bytes) => {
      plainBytes += bytes;
      options.onBytes?.(bytes);
    },
    onLayer: ({ descriptor: { digest } }, entries) =>
      onEvent?.({ type: 'export.layer-indexed', digest, entries }),
  });
  return { tree, plainBytes };
}
