import type { TunedImage } from './types.ts';

/** What no number of workers can beat, from the sizes of the layers alone. */
export interface LayerBound {
  readonly layers: number;
  readonly bytes: number;
  readonly largestBytes: number;
  /** Most that moving whole layers side by side can gain over one at a time. */
  readonly wholeLayerSpeedUp: number;
  /** More workers than this have no whole layer to move. */
  readonly usefulWorkers: number;
}

/**
 * With every connection at the same rate, layers moved whole take at least as long as the largest
 * alone (Graham 1969 gives the bounds of list scheduling). `undefined` for images without layers.
 */
export function layerBound(images: readonly TunedImage[]): LayerBound | undefined {
  const sizes = new Map(images.flatMap(({ layers }) => layers.map((l) => [l.digest, l.size])));
  const largestBytes = Math.max(0, ...sizes.values());
  if (largestBytes === 0) return undefined;
  const bytes = [...sizes.values()].reduce((total, size) => total + size, 0);
  return {
    layers: sizes.size,
    bytes,
    largestBytes,
    wholeLayerSpeedUp: bytes / largestBytes,
    usefulWorkers: sizes.size,
  };
}
