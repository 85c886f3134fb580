import { LongshoreError } from '../errors.ts';
import { giveBack } from '../giveBack.ts';
import {
  type Descriptor,
  formatPlatform,
  MAX_MANIFEST_BYTES,
  type Manifest,
  type Platform,
  parseManifest,
  selectPlatform,
} from '../image/index.ts';
import type { Store } from '../store/index.ts';
import { type ImageConfig, parseImageConfig } from './imageConfig.ts';
import type { LayerSource } from './layer/source.ts';

/** An image of one platform, its two small documents read and checked. */
export interface ExportImage {
  /** Its name for people, tags and labels, as `formatReference` prints it. */
  readonly reference?: string | undefined;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

export interface LoadImageOptions {
  readonly reference?: string | undefined;
  /** Which image of an index. Needed only where `descriptor` names an index. */
  readonly platform?: Platform | undefined;
}

/**
 * Reads manifest and config of an image that the store holds; of an index, those of one platform.
 * @throws LongshoreError `ERR_PLATFORM_NOT_FOUND`, `ERR_CONFIG_INVALID`, `ERR_BLOB_NOT_FOUND`, and
 *   what `parseManifest` throws
 */
export async function loadImage(
  store: Pick<Store, 'read'>,
  descriptor: Descriptor,
  options: LoadImageOptions = {},
): Promise<ExportImage> {
  const manifestBytes = await store.read(descriptor.digest, MAX_MANIFEST_BYTES);
  const manifest = parseManifest(manifestBytes, descriptor.mediaType);
  if (manifest.kind === 'index') {
    const chosen = choose(manifest.manifests, options.platform);
    if (chosen === undefined) throw noPlatform(manifest.manifests, options);
    return loadImage(store, chosen, options);
  }
  const configBytes = await store.read(manifest.config.digest, MAX_MANIFEST_BYTES);
  const config = parseImageConfig(configBytes);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new LongshoreError(
      `The image has ${manifest.layers.length} layers, but its config lists ${config.diffIds.length}`,
      {
        code: 'ERR_CONFIG_INVALID',
        origin: 'input',
        hint: 'Whoever built the image is at fault; build it again',
      },
    );
  }
  return {
    reference: options.reference,
    descriptor,
    manifest,
    manifestBytes,
    config,
    configBytes,
  };
}

function choose(
  manifests: readonly Descriptor[],
  platform: Platform | undefined,
): Descriptor | undefined {
  if (platform !== undefined) return selectPlatform(manifests, platform);
  return manifests.length === 1 ? manifests[0] : undefined;
}

function noPlatform(manifests: readonly Descriptor[], options: LoadImageOptions): LongshoreError {
  const has = manifests.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  const wanted = options.platform === undefined ? 'one' : formatPlatform(options.platform);
  return new LongshoreError(
    `${options.reference ?? 'The image'} is a list of images; ${wanted} has to be chosen and is not in it`,
    {
      code: 'ERR_PLATFORM_NOT_FOUND',
      origin: 'input',
      hint: `Choose one with --platform: ${has.join(', ') || 'it names none'}`,
    },
  );
}

/** The image's layers as they are read from the store. */
export function storeLayers(store: Pick<Store, 'open'>, image: ExportImage): LayerSource[] {
  return image.manifest.layers.map((descriptor, i) => ({
    descriptor,
    diffId: image.config.diffIds[i],
    open: async (signal, { lend } = {}) =>
      toBytes(await store.open(descriptor.digest, { signal }), lend),
  }));
}

async function* toBytes(
  stream: NodeJS.ReadableStream,
  lend: boolean | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    yield piece;
    // A stream of a file reads into a new buffer each time and keeps no hold on it.
    if (lend === true) giveBack(piece);
  }
}
