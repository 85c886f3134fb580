import type { BuiltImage } from '../build/index.ts';
import type { Descriptor, Digest } from '../image/index.ts';
import type { Store } from '../store/index.ts';
import { type ImageNode, readImage } from '../transfer/index.ts';

/**
 * Bytes that are built and not up yet, blobs that several images share counted once: what builds
 * are held back by.
 */
export class Unpushed {
  readonly #holders = new Map<Digest, { readonly size: number; images: number }>();
  readonly #seen = new Set<Digest>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns the bytes that no earlier image had */
  add(blobs: readonly Descriptor[]): number {
    let newBytes = 0;
    for (const { digest, size } of blobs) {
      const holder = this.#holders.get(digest);
      if (holder !== undefined) holder.images += 1;
      else {
        this.#holders.set(digest, { size, images: 1 });
        this.#bytes += size;
      }
      if (this.#seen.has(digest)) continue;
      this.#seen.add(digest);
      newBytes += size;
    }
    return newBytes;
  }

  remove(blobs: readonly Descriptor[]): void {
    for (const { digest } of blobs) {
      const holder = this.#holders.get(digest);
      if (holder === undefined) continue;
      holder.images -= 1;
      if (holder.images > 0) continue;
      this.#holders.delete(digest);
      this.#bytes -= holder.size;
    }
  }
}

/**
 * The blobs of an image of the store, each once.
 * @throws LongshoreError `ERR_IMAGE_INCOMPLETE` when something of it is missing
 */
export async function blobsOf(image: BuiltImage, store: Store): Promise<readonly Descriptor[]> {
  const blobs = new Map<Digest, Descriptor>();
  const collect = (node: ImageNode): void => {
    for (const blob of node.blobs) blobs.set(blob.digest, blob);
    node.children.forEach(collect);
  };
  collect(await readImage(image, store));
  return Array.from(blobs.values());
}
