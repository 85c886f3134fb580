import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders } from '../fileSystem.ts';
import { type Platform, parseReference } from '../image/index.ts';
import { NOTHING_HELD, resolveImage } from '../transfer/index.ts';
import { beginResults, type TuneOptions } from './begin.ts';
import { runExperiment } from './experiment.ts';
import { measurePull } from './measurePull.ts';
import type { TunedImage, TuneResults } from './types.ts';

export interface TunePullOptions extends TuneOptions {
  readonly platform: Platform | 'all';
  /** Cold stores are made below it and removed again. */
  readonly folder: string;
  /** Of the process, see `StoreOptions`. */
  readonly poolThreads?: number | undefined;
}

interface Plan {
  readonly images: readonly TunedImage[];
  /** With digests. */
  readonly references: readonly string[];
  readonly bytes: number;
}

/**
 * Measures how long the images take with different numbers of workers.
 * @throws LongshoreError what resolving throws, before anything is measured; `ERR_TUNE_RESUME`
 */
export async function tunePull(
  inputs: readonly string[],
  options: TunePullOptions,
): Promise<TuneResults> {
  const { signal, platform, openRegistry, poolThreads } = options;
  const plan = await planImages(inputs, options);
  const folder = path.join(options.folder, 'cold');
  await makeFolders(folder);
  try {
    const { registry } = parseReference(inputs[0] ?? '');
    const subject = { verb: 'pull', images: plan.images, registry, folder } as const;
    const begin = await beginResults(subject, options);
    const measurer = { ...plan, platform, folder, poolThreads, openRegistry, signal };
    return await runExperiment(begin, {
      ...options,
      measure: (arm, details) => measurePull(measurer, arm, details),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Tags may move while an experiment runs; digests do not. */
async function planImages(inputs: readonly string[], options: TunePullOptions): Promise<Plan> {
  const registry = await options.openRegistry(() => undefined);
  try {
    const { platform, signal } = options;
    const resolved = await Promise.all(
      inputs.map((input) =>
        resolveImage(parseReference(input), {
          store: NOTHING_HELD,
          registry,
          platform,
          keep: false,
          signal,
        }),
      ),
    );
    const blobs = new Map(resolved.flatMap((image) => image.blobs.map((b) => [b.digest, b.size])));
    return {
      images: resolved.map(({ name, descriptor, layers }) => ({
        reference: name,
        digest: descriptor.digest,
        layers: layers.map(({ digest, size }) => ({ digest, size })),
      })),
      references: resolved.map(
        ({ reference: r, descriptor }) => `${r.registry}/${r.repository}@${descriptor.digest}`,
      ),
      bytes: [...blobs.values()].reduce((total, size) => total + size, 0),
    };
  } finally {
    await registry.close();
  }
}
