import type { Descriptor, Digest } from '../../image/index.ts';

/**
 * A layer that can be read, from its start, more than once. It need not be complete when `open` is
 * called: a source may wait for a download, so that layers are indexed while others arrive.
 */
export interface LayerSource {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  /** Digest of the tar once unpacked, from the image's config; checked when it is given. */
  readonly diffId?: Digest | undefined;
  open(signal?: AbortSignal, options?: ReadOptions): Promise<AsyncIterable<Uint8Array>>;
}

export interface ReadOptions {
  /**
   * A piece is the caller's only until the next is asked for: whoever has made it may give its
   * memory back then.
   * @defaultValue false
   */
  readonly lend?: boolean | undefined;
}
