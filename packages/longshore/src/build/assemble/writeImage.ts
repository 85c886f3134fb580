import { type Descriptor, type Digest, MEDIA_TYPES, type Platform } from '../../image/index.ts';
import type { BuildTarget, BuiltImage } from '../target.ts';
import type { Annotations } from './annotations.ts';
import type { LayerCache, LayerCacheOptions } from './layerCache.ts';
import type { StageResult } from './stages.ts';

export interface WriteImageOptions extends LayerCacheOptions {
  readonly layers: LayerCache;
  readonly created: string;
  readonly annotations: Annotations;
}

/** Writes a stage's layers, config and manifest. */
export async function writeImage(
  stage: StageResult,
  target: Pick<BuildTarget, 'labels'>,
  options: WriteImageOptions,
): Promise<{ readonly descriptor: Descriptor; readonly platform: Platform }> {
  const { store, layers: cache, created } = options;
  const { config } = stage;
  const layers: Descriptor[] = [];
  const diffIds: Digest[] = [];
  for (const layer of stage.layers) {
    const written = layer.kind === 'made' ? await cache.write(layer.members, options) : layer;
    layers.push(written.descriptor);
    if (written.diffId !== undefined) diffIds.push(written.diffId);
  }
  config.fields.labels = { ...config.fields.labels, ...target.labels };
  const bytes = Buffer.from(config.toJson(created, diffIds));
  const { platform } = config;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: await store.put(MEDIA_TYPES.ociConfig, bytes),
    layers,
    annotations: options.annotations.manifest(platform),
  };
  const text = Buffer.from(JSON.stringify(manifest));
  return { descriptor: await store.put(MEDIA_TYPES.ociManifest, text), platform };
}

/** Makes an index of the images of several platforms. */
export async function writeIndex(
  images: readonly { readonly descriptor: Descriptor; readonly platform: Platform }[],
  { store, annotations }: Pick<WriteImageOptions, 'store' | 'annotations'>,
): Promise<BuiltImage> {
  const manifests = images.map(({ descriptor: { mediaType, digest, size }, platform }) => ({
    mediaType,
    digest,
    size,
    annotations: annotations.manifestDescriptor(platform),
    platform: {
      architecture: platform.architecture,
      os: platform.os,
      'os.version': platform.osVersion,
      'os.features': platform.osFeatures,
      variant: platform.variant,
    },
  }));
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests,
    annotations: annotations.index(),
  };
  return store.put(MEDIA_TYPES.ociIndex, Buffer.from(JSON.stringify(index)));
}
