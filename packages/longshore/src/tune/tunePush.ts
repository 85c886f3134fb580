import { LongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  parseManifest,
  parseReference,
} from '../image/index.ts';
import type { Store } from '../store/index.ts';
import { type ImageNode, type ImageToPush, readImage } from '../transfer/index.ts';
import { beginResults, type TuneOptions } from './begin.ts';
import { runExperiment } from './experiment.ts';
import { measurePush, type PlannedPush } from './measurePush.ts';
import type { TunedImage, TuneResults } from './types.ts';

export interface TunePushOptions extends TuneOptions {
  /** Where the images come from. */
  readonly store: Store;
  /**
   * Begin of the names of the repositories that are pushed to, on the registry of the destination.
   * @defaultValue the destination's repository and `-tune`
   */
  readonly scratch?: string | undefined;
  /** Called once, before anything is sent. */
  readonly onPlan?: ((plan: PushPlan) => void) | undefined;
}

export interface PushPlan {
  readonly images: readonly PlannedPush[];
  /** Sizes by digest: what one run sends. */
  readonly blobs: ReadonlyMap<Digest, number>;
}

/**
 * Measures how long images take to a registry with different numbers of pushers. Every run pushes to
 * repositories with names of their own; the names that are given are never written to.
 * @throws LongshoreError `ERR_IMAGE_NOT_FOUND`, `ERR_TUNE_REGISTRIES`, what reading the images throws,
 *   before anything is sent; `ERR_TUNE_RESUME`
 */
export async function tunePush(
  inputs: readonly ImageToPush[],
  options: TunePushOptions,
): Promise<TuneResults> {
  const { store, openRegistry, signal, scratch } = options;
  const planned = await Promise.all(inputs.map((input) => planImage(input, store)));
  const registry = oneRegistry(planned);
  const blobs = new Map(planned.flatMap(({ sizes }) => [...sizes]));
  const images = planned.map(({ push }) => push);
  const subject = {
    verb: 'push',
    images: planned.map(({ image }) => image),
    registry,
    folder: store.path,
  } as const;
  const begin = await beginResults(subject, options);
  options.onPlan?.({ images, blobs });
  const measurer = { images, blobs, store, scratch, openRegistry, signal };
  return await runExperiment(begin, {
    ...options,
    measure: (arm, details) => measurePush(measurer, arm, details),
  });
}

async function planImage(
  input: ImageToPush,
  store: Store,
): Promise<{
  readonly push: PlannedPush;
  readonly image: TunedImage;
  readonly sizes: ReadonlyMap<Digest, number>;
}> {
  const source = parseReference(input.source);
  const destination = input.destination === undefined ? source : parseReference(input.destination);
  const name = formatReference(source);
  const descriptor = await store.getReference(name);
  if (descriptor === undefined) {
    throw new LongshoreError(`The store at ${store.path} has no image ${name} to push`, {
      code: 'ERR_IMAGE_NOT_FOUND',
      origin: 'store',
      hint: 'longshore cache ls lists what it has; pull or build it first',
    });
  }
  const nodes = nodesOf(await readImage(descriptor, store));
  const sizes = new Map(
    nodes.flatMap(({ blobs }) => blobs.map(({ digest, size }) => [digest, size])),
  );
  const { digest } = descriptor;
  return {
    push: { source: name, digest, destination },
    image: {
      reference: formatReference(destination),
      digest,
      layers: nodes.flatMap(layersOf).filter((layer) => sizes.has(layer.digest)),
    },
    sizes,
  };
}

function nodesOf(node: ImageNode): ImageNode[] {
  return [node, ...node.children.flatMap(nodesOf)];
}

function layersOf({ bytes, descriptor }: ImageNode): { digest: Digest; size: number }[] {
  const document = parseManifest(bytes, descriptor.mediaType);
  const layers: readonly Descriptor[] = document.kind === 'manifest' ? document.layers : [];
  return layers.map(({ digest, size }) => ({ digest, size }));
}

/** Two registries would be two questions with one answer. */
function oneRegistry(planned: readonly { readonly push: PlannedPush }[]): string {
  const registries = new Set(planned.map(({ push }) => push.destination.registry));
  const [registry = ''] = registries;
  if (registries.size === 1) return registry;
  throw new LongshoreError(
    `The images go to ${registries.size} registries: ${[...registries].join(', ')}`,
    {
      code: 'ERR_TUNE_REGISTRIES',
      origin: 'input',
      hint: 'How many pushers pay is a property of one registry; measure each for itself',
    },
  );
}
