import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { LongshoreError } from '../errors.ts';
import { type Platform, parseReference } from '../image/index.ts';
import type { Registry, RegistryEvent } from '../registry/index.ts';
import { resolveImage } from '../transfer/index.ts';
import { type ArmOptions, makeArms } from './arms.ts';
import { readEnvironment } from './environment.ts';
import { type ExperimentOptions, runExperiment } from './experiment.ts';
import { measurePull } from './measurePull.ts';
import type { TunedImage, TuneResults } from './types.ts';

export interface TunePullOptions
  extends Pick<ExperimentOptions, 'onRun' | 'stopping' | 'gapMs' | 'budgetMs'> {
  readonly openRegistry: (onEvent: (event: RegistryEvent) => void) => Promise<Registry>;
  readonly platform: Platform | 'all';
  readonly arms: ArmOptions;
  readonly design: 'blocks' | 'as-published';
  readonly seed: number;
  /** Cold stores are made below it and removed again. */
  readonly folder: string;
  /** Of the program, for the record. */
  readonly version: string;
  /** What an earlier, interrupted call has left: its blocks count, and its arms and images are used. */
  readonly resume?: TuneResults | undefined;
  readonly signal: AbortSignal;
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
  const { signal, platform, openRegistry, resume } = options;
  const plan = await planImages(inputs, options);
  if (resume !== undefined) checkSame(resume, plan);
  const folder = path.join(options.folder, 'cold');
  await mkdir(folder, { recursive: true });
  try {
    const begin = resume ?? (await firstResults(inputs, { options, plan, folder }));
    const measurer = { ...plan, platform, folder, openRegistry, signal };
    return await runExperiment(begin, {
      ...options,
      measure: (arm, details) => measurePull(measurer, arm, details),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function firstResults(
  inputs: readonly string[],
  { options, plan, folder }: { options: TunePullOptions; plan: Plan; folder: string },
): Promise<TuneResults> {
  const registry = parseReference(inputs[0] ?? '').registry;
  const { version, design, seed } = options;
  const twin = options.arms.twin && design === 'blocks';
  return {
    format: 'longshore-tune',
    version: 1,
    verb: 'pull',
    design,
    seed,
    arms: makeArms({ ...options.arms, twin }),
    runs: [],
    voidBlocks: [],
    dropped: [],
    images: plan.images,
    environment: await readEnvironment({ registry, folder, version }),
  };
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

/** Planning keeps nothing. */
const NOTHING_HELD = {
  has: async () => false,
  stat: async () => undefined,
  read: () => Promise.reject(new Error('nothing is held')),
  put: () => Promise.reject(new Error('nothing is kept')),
};

function checkSame({ images }: TuneResults, plan: Plan): void {
  const before = images.map(({ digest }) => digest).toSorted();
  const now = plan.images.map(({ digest }) => digest).toSorted();
  if (before.join() === now.join()) return;
  throw new LongshoreError('The results to go on with are of other images than those named', {
    code: 'ERR_TUNE_RESUME',
    origin: 'input',
    hint: 'Name the same images (their tags may have moved), or begin anew in another folder',
  });
}
