import {
  type Descriptor,
  formatPlatform,
  formatReference,
  MEDIA_TYPES,
  type Platform,
  parseReference,
} from '../image/index.ts';
import type { Store } from '../store/index.ts';
import { type SeedLayer, type WrittenLayer, writeSeedLayer } from './seedLayer.ts';

export interface SeedImageOptions {
  /** The reference to set, host included: `localhost/app:1` is `app:1` on a default server. */
  readonly name: string;
  /** Base first; the same in every platform. @defaultValue none */
  readonly layers?: readonly SeedLayer[];
  /**
   * One makes a plain image (unless `index` is set), several an index, in which each image has a
   * small layer of its own on top. @defaultValue linux/amd64
   */
  readonly platforms?: readonly Platform[];
  /** Makes an index also of one platform. @defaultValue false */
  readonly index?: boolean;
  /** Media types of the OCI specification or of Docker's schema 2. @defaultValue `oci` */
  readonly flavour?: 'oci' | 'docker';
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface SeededImage {
  /** The reference as the store has it. */
  readonly reference: string;
  /** Of the manifest, or of the index. */
  readonly descriptor: Descriptor;
  /** Of each platform's manifest, in the order of `platforms`. */
  readonly manifests: readonly Descriptor[];
  /** Unique blobs (configs and layers) of all platforms. */
  readonly blobs: readonly Descriptor[];
  /** Layers of the first platform, base first, with the digests of their tars. */
  readonly layers: readonly (Descriptor & { readonly diffId: string })[];
}

const LINUX_AMD64: Platform = { os: 'linux', architecture: 'amd64' };
const EPOCH = '1970-01-01T00:00:00Z';
const OWN_LAYER_BYTES = 1024;

const TYPES = {
  oci: {
    manifest: MEDIA_TYPES.ociManifest,
    index: MEDIA_TYPES.ociIndex,
    config: MEDIA_TYPES.ociConfig,
    layer: MEDIA_TYPES.ociLayerGzip,
  },
  docker: {
    manifest: MEDIA_TYPES.dockerManifest,
    index: MEDIA_TYPES.dockerManifestList,
    config: MEDIA_TYPES.dockerConfig,
    layer: MEDIA_TYPES.dockerLayerGzip,
  },
} as const;

type Layer = Descriptor & { readonly diffId: string };

/**
 * Makes an image in a store that other tools can read: real gzip'ed tars of noise, a config with
 * their diff IDs, a manifest, an index where wished. Equal options make equal digests everywhere.
 */
export async function seedImage(store: Store, options: SeedImageOptions): Promise<SeededImage> {
  const { platforms = [LINUX_AMD64], flavour = 'oci' } = options;
  const isIndex = options.index === true || platforms.length > 1;
  const shared: Layer[] = [];
  for (const [i, layer] of (options.layers ?? []).entries()) {
    const seed = String(layer.seed ?? i);
    shared.push(asLayer(await writeSeedLayer(store, { size: layer.size, seed }), flavour));
  }
  const images: SeededPlatform[] = [];
  for (const platform of platforms) {
    const own = isIndex
      ? [await writeSeedLayer(store, { size: OWN_LAYER_BYTES, seed: formatPlatform(platform) })]
      : [];
    const layers = [...shared, ...own.map((layer) => asLayer(layer, flavour))];
    images.push(await writeImage(store, { platform, layers, options }));
  }
  const manifests = images.map((image) => image.manifest);
  const descriptor = isIndex ? await writeIndex(store, manifests, options) : manifests[0];
  if (descriptor === undefined) throw new TypeError('an image has at least one platform');
  const reference = formatReference(parseReference(options.name));
  await store.setReference(reference, bare(descriptor));
  const blobs = images.flatMap(({ config, layers }) => [config, ...layers.map(bare)]);
  const unique = new Map(blobs.map((blob) => [blob.digest, blob]));
  const layers = images[0]?.layers ?? [];
  return { reference, descriptor, manifests, blobs: [...unique.values()], layers };
}

interface SeededPlatform {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Layer[];
}

type Flavour = keyof typeof TYPES;

function asLayer({ digest, size, diffId }: WrittenLayer, flavour: Flavour): Layer {
  return { mediaType: TYPES[flavour].layer, digest, size, diffId };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

async function writeImage(
  store: Store,
  image: {
    readonly platform: Platform;
    readonly layers: readonly Layer[];
    readonly options: SeedImageOptions;
  },
): Promise<SeededPlatform> {
  const { platform, layers, options } = image;
  const { flavour = 'oci', annotations } = options;
  const config = await putJson(store, TYPES[flavour].config, {
    created: EPOCH,
    ...platformFields(platform),
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: EPOCH, created_by: 'seed' })),
  });
  const manifest = await putJson(store, TYPES[flavour].manifest, {
    schemaVersion: 2,
    mediaType: TYPES[flavour].manifest,
    config,
    layers: layers.map(bare),
    ...(annotations === undefined ? {} : { annotations }),
  });
  return { manifest: { ...manifest, platform }, config, layers };
}

async function writeIndex(
  store: Store,
  manifests: readonly Descriptor[],
  options: SeedImageOptions,
): Promise<Descriptor> {
  const mediaType = TYPES[options.flavour ?? 'oci'].index;
  return putJson(store, mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(({ platform = LINUX_AMD64, ...manifest }) => ({
      ...manifest,
      platform: platformFields(platform),
    })),
  });
}

function platformFields({ os, architecture, variant }: Platform): Record<string, string> {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export interface SeedArtifactOptions {
  readonly name: string;
  readonly artifactType: string;
  /** What it refers to: makes it a referrer. */
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Makes an artifact without layers: all that it says is in its annotations. */
export async function seedArtifact(
  store: Store,
  options: SeedArtifactOptions,
): Promise<{ readonly reference: string; readonly descriptor: Descriptor }> {
  const { artifactType, subject, annotations } = options;
  const descriptor = await putJson(store, MEDIA_TYPES.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType,
    config: await putJson(store, MEDIA_TYPES.ociEmpty, {}),
    layers: [],
    ...(subject === undefined ? {} : { subject: bare(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  });
  const reference = formatReference(parseReference(options.name));
  await store.setReference(reference, descriptor);
  return { reference, descriptor };
}

function putJson(store: Store, mediaType: string, value: unknown): Promise<Descriptor> {
  return store.put(mediaType, Buffer.from(JSON.stringify(value)));
}
