import { type ExportOptions, getSquashfs, loadImage } from '../../export/index.ts';
import type { Platform } from '../../image/index.ts';
import type { ImageSink } from '../../transfer/index.ts';

/** Takes one image, and knows then where its squashfs is. */
export interface SquashfsSink extends ImageSink {
  readonly path: () => string | undefined;
}

export interface SquashfsSinkOptions {
  readonly directory: string;
  readonly options: ExportOptions;
  readonly platform: Platform;
}

/** Makes the squashfs as a part of the pull, so that what fails there is told like the rest. */
export function openSquashfsSink(request: SquashfsSinkOptions): SquashfsSink {
  const { directory, options, platform } = request;
  let path: string | undefined;
  return {
    name: `squashfs:${directory}`,
    path: () => path,
    async add({ name, descriptor }, { store, signal }) {
      const image = await loadImage(store, descriptor, { reference: name, platform });
      path = await getSquashfs({ store, image, directory, options, signal });
    },
  };
}
