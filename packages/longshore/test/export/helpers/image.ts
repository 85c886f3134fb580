import { createHash } from 'node:crypto';
import { type ExportImage, loadImage } from '../../../src/export/index.ts';
import { MEDIA_TYPES } from '../../../src/image/index.ts';
import { openStore, type Store } from '../../../src/store/index.ts';

export interface ImageFields {
  readonly reference?: string;
  readonly architecture?: string;
  readonly created?: string;
  /** The `config` of the image's config. */
  readonly runtime?: Record<string, unknown>;
  /** Replaces what is computed, to make wrong images. */
  readonly diffIds?: readonly string[];
}

/** A layer: its tar, and how it is stored when that is not the same. */
export type LayerBytes = Buffer | { readonly tar: Buffer; readonly stored: Buffer };

export async function tempStore(path: string): Promise<Store> {
  return openStore(path);
}

/** Puts an image into a store as a pull would. */
export async function putImage(
  store: Store,
  layers: readonly LayerBytes[],
  fields: ImageFields = {},
): Promise<ExportImage> {
  const sha = (bytes: Buffer): string =>
    `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const descriptors = [];
  for (const layer of layers) {
    const stored = Buffer.isBuffer(layer) ? layer : layer.stored;
    descriptors.push(await store.put(mediaTypeOf(stored), stored));
  }
  const config = {
    architecture: fields.architecture ?? 'amd64',
    os: 'linux',
    created: fields.created ?? '2024-05-06T07:08:09Z',
    config: fields.runtime ?? {},
    rootfs: {
      type: 'layers',
      diff_ids:
        fields.diffIds ?? layers.map((layer) => sha(Buffer.isBuffer(layer) ? layer : layer.tar)),
    },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: await store.put(MEDIA_TYPES.ociConfig, Buffer.from(JSON.stringify(config))),
    layers: descriptors,
  };
  const descriptor = await store.put(
    MEDIA_TYPES.ociManifest,
    Buffer.from(JSON.stringify(manifest)),
  );
  return loadImage(store, descriptor, {
    reference: fields.reference ?? 'docker.io/library/example:1',
  });
}

/** What an honest builder calls it; umoci goes by it, and not by the bytes. */
function mediaTypeOf(stored: Buffer): string {
  if (stored[0] === 0x1f && stored[1] === 0x8b) return MEDIA_TYPES.ociLayerGzip;
  return stored[0] === 0x28 && stored[1] === 0xb5 ? MEDIA_TYPES.ociLayerZstd : MEDIA_TYPES.ociLayer;
}
