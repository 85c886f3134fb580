import { readFile } from 'node:fs/promises';
import { LongshoreError } from '../../errors.ts';
import type { Descriptor, Platform } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import type { Builder, BuildRequest } from '../builder.ts';
import { readIgnoreFile } from '../context/readIgnore.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { findStage, readStages, type Stage, type Stages } from '../dockerfile/stages.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import type { BuildTarget, BuiltImage } from '../target.ts';
import { Annotations } from './annotations.ts';
import { type BaseImage, BaseImages } from './baseImages.ts';
import { stepName } from './errors.ts';
import { LayerCache } from './layerCache.ts';
import { StageBuilder } from './stages.ts';
import {
  neededStages,
  unsupportedInstructions,
  unsupportedOptions,
  withoutEffect,
} from './unsupported.ts';
import { platformArgs } from './variables.ts';
import { writeImage, writeIndex } from './writeImage.ts';
import type { LayerCompression } from './writeLayer.ts';

export interface AssembleOptions {
  /** Longshore's own, for reports. */
  readonly version: string;
  /** What images are for where a target names no platform. */
  readonly platform: Platform;
  /**
   * Brings an image that a Dockerfile names into the store, whole, and says which it is: an image or
   * an index. Called again for every build that needs it.
   */
  readonly resolveBase: (
    reference: string,
    platform: Platform,
    signal: AbortSignal,
  ) => Promise<Descriptor>;
  /**
   * Seconds since the epoch that all files and the image itself are dated to: what
   * `SOURCE_DATE_EPOCH` says (reproducible-builds.org).
   * @defaultValue 0
   */
  readonly sourceDateEpoch?: number | undefined;
  /** @defaultValue gzip, level 6 */
  readonly compression?: LayerCompression | undefined;
}

/**
 * A builder that needs no daemon and no root: it puts images together from Dockerfiles without RUN.
 * The same input gives the same bytes.
 */
export function openAssembleBuilder(options: AssembleOptions): Builder {
  return new AssembleBuilder(options);
}

class AssembleBuilder implements Builder {
  readonly name = 'assemble';
  readonly version: string;
  readonly #options: AssembleOptions;
  readonly #layers = new LayerCache();
  readonly #bases = new WeakMap<Store, BaseImages>();

  constructor(options: AssembleOptions) {
    this.#options = options;
    this.version = `assemble ${options.version}`;
  }

  async unsupported(target: BuildTarget): Promise<readonly string[]> {
    const found = unsupportedOptions(target);
    const needsIndex = new Annotations(target.annotations).needIndex;
    if (needsIndex && target.platforms.length < 2) {
      found.push('annotations of an index on an image of one platform');
    }
    const { dockerfile, stages, last } = await this.#read(target, this.#options.platform);
    return [...found, ...unsupportedInstructions(dockerfile, stages, last)];
  }

  async build(request: BuildRequest): Promise<BuiltImage> {
    const { target, store } = request;
    const wanted = target.platforms.length === 0 ? [this.#options.platform] : target.platforms;
    for (const line of withoutEffect(target)) request.onLog(line);
    const annotations = new Annotations(target.annotations);
    const progress = new Progress(request, wanted.length);
    const images: Awaited<ReturnType<typeof writeImage>>[] = [];
    for (const platform of wanted) {
      request.signal.throwIfAborted();
      images.push(await this.#buildFor(platform, request, { annotations, progress }));
    }
    const [image] = images;
    if (image === undefined || images.length > 1) return writeIndex(images, { store, annotations });
    return image.descriptor;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #buildFor(
    platform: Platform,
    request: BuildRequest,
    { annotations, progress }: { annotations: Annotations; progress: Progress },
  ): ReturnType<typeof writeImage> {
    const { target, store, signal } = request;
    if (target.context.kind !== 'folder') throw notAFolder(target.context.url);
    const { path } = target.context;
    const read = await this.#read(target, platform);
    progress.plan(neededStages(read.stages, read.last));
    const file = target.dockerfile.kind === 'file' ? target.dockerfile.path : undefined;
    const seconds = this.#options.sourceDateEpoch ?? 0;
    const created = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
    const builder = new StageBuilder({
      request,
      dockerfile: read.dockerfile,
      stages: read.stages,
      predefined: read.predefined,
      platform,
      context: { path, ignore: await readIgnoreFile(path, file) },
      openImage: (name, of) => this.#openImage(name, of, request),
      created,
      onInstruction: (instruction) => progress.step(instruction),
    });
    const stage = await builder.build(read.last);
    return writeImage(stage, target, {
      store,
      layers: this.#layers,
      compression: this.#options.compression ?? { kind: 'gzip', level: 6 },
      mtime: seconds,
      created,
      annotations,
      nowMs: Date.now(),
      signal,
    });
  }

  async #read(target: BuildTarget, platform: Platform): Promise<ReadDockerfile> {
    const { dockerfile: where, args } = target;
    const isFile = where.kind === 'file';
    const text = isFile ? await readDockerfile(where.path) : where.text;
    const dockerfile = parseDockerfile(text, isFile ? where.path : `${target.place.file} (inline)`);
    const predefined = platformArgs(this.#options.platform, platform);
    const stages = readStages(dockerfile, { args, predefined });
    const last =
      target.stage === undefined ? stages.stages.at(-1) : findStage(stages.stages, target.stage);
    if (last === undefined) throw noStage(dockerfile, stages, target.stage);
    return { dockerfile, stages, last, predefined };
  }

  async #openImage(name: string, platform: Platform, request: BuildRequest): Promise<BaseImage> {
    const { store, target, signal, bases } = request;
    const context = Object.hasOwn(target.contexts, name) ? target.contexts[name] : undefined;
    if (context?.kind === 'folder') throw folderAsBase(name);
    const reference = context?.kind === 'image' ? context.reference : name;
    const descriptor =
      bases.get(name) ?? (await this.#options.resolveBase(reference, platform, signal));
    const images = this.#bases.get(store) ?? new BaseImages(store);
    this.#bases.set(store, images);
    return images.open(descriptor, platform, reference);
  }
}

interface ReadDockerfile {
  readonly dockerfile: Dockerfile;
  readonly stages: Stages;
  readonly last: Stage;
  readonly predefined: Readonly<Record<string, string>>;
}

/** Counts instructions over all platforms. */
class Progress {
  readonly #request: BuildRequest;
  readonly #platforms: number;
  #total: number | undefined;
  #number = 0;

  constructor(request: BuildRequest, platforms: number) {
    this.#request = request;
    this.#platforms = platforms;
  }

  plan(stages: readonly Stage[]): void {
    const one = stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, 0);
    this.#total ??= one * this.#platforms;
  }

  step(instruction: Instruction): void {
    const total = this.#total;
    this.#number += 1;
    const number = this.#number;
    this.#request.onStep({
      name: stepName(instruction),
      number,
      // Triggers of a base image come on top of what the Dockerfile has.
      total: total === undefined ? undefined : Math.max(total, number),
    });
  }
}

async function readDockerfile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new LongshoreError(`Cannot read the Dockerfile ${path}`, {
      code: 'ERR_BUILD_FAILED',
      origin: 'input',
      hint: 'Check the path, and that it can be read',
      cause,
    });
  }
}

function noStage(dockerfile: Dockerfile, { stages }: Stages, wanted: string | undefined): Error {
  const names = stages.flatMap(({ name }) => name ?? []);
  return new LongshoreError(`${dockerfile.file} has no stage ${wanted}`, {
    code: 'ERR_BUILD_FAILED',
    origin: 'input',
    hint: names.length === 0 ? 'None of its stages has a name' : `It has ${names.join(', ')}`,
  });
}

function notAFolder(url: string): LongshoreError {
  return new LongshoreError(`assemble fetches no contexts: ${url}`, {
    code: 'ERR_BUILD_FAILED',
    origin: 'builder',
    hint: 'Check it out and give the folder, or build with another builder',
  });
}

function folderAsBase(name: string): LongshoreError {
  return new LongshoreError(`The context ${name} is a folder and cannot be the base of a stage`, {
    code: 'ERR_BUILD_FAILED',
    origin: 'builder',
    hint: `Start from scratch and COPY --from=${name}`,
  });
}
