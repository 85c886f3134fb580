import { LongshoreError } from '../errors.ts';
import type { Registry, RegistryEvent, RegistryUploads } from '../registry/index.ts';
import { type ArmOptions, makeArms } from './arms.ts';
import { readEnvironment } from './environment.ts';
import type { ExperimentOptions } from './experiment.ts';
import type { TunedImage, TuneResults } from './types.ts';

/** What experiments of all verbs are told. */
export interface TuneOptions
  extends Pick<ExperimentOptions, 'onRun' | 'stopping' | 'gapMs' | 'budgetMs'> {
  readonly openRegistry: (
    onEvent: (event: RegistryEvent) => void,
  ) => Promise<Registry & RegistryUploads>;
  readonly arms: ArmOptions;
  readonly design: 'blocks' | 'as-published';
  readonly seed: number;
  /** Of the program, for the record. */
  readonly version: string;
  /** What an earlier, interrupted call has left: its blocks count, and its arms and images are used. */
  readonly resume?: TuneResults | undefined;
  readonly signal: AbortSignal;
}

/** What is measured, known before the first run. */
export interface TuneSubject {
  readonly verb: 'pull' | 'push';
  readonly images: readonly TunedImage[];
  readonly registry: string;
  /** On the disk that is read or written. */
  readonly folder: string;
}

/**
 * The results to add runs to: those of an earlier call, or empty ones.
 * @throws LongshoreError `ERR_TUNE_RESUME` when the earlier ones are of something else
 */
export async function beginResults(
  subject: TuneSubject,
  { resume, version, design, seed, arms }: TuneOptions,
): Promise<TuneResults> {
  if (resume !== undefined) {
    checkSame(resume, subject);
    return resume;
  }
  const { verb, images, registry, folder } = subject;
  return {
    format: 'longshore-tune',
    version: 1,
    verb,
    design,
    seed,
    arms: makeArms({ ...arms, twin: arms.twin && design === 'blocks' }),
    runs: [],
    voidBlocks: [],
    dropped: [],
    images,
    environment: await readEnvironment({ registry, folder, version }),
  };
}

function checkSame({ verb, images, environment }: TuneResults, subject: TuneSubject): void {
  const of = (some: readonly TunedImage[]): string =>
    some
      .map(({ digest }) => digest)
      .toSorted()
      .join();
  if (verb !== subject.verb) {
    throw otherResults(
      `The results to go on with are of tune ${verb}, not of tune ${subject.verb}`,
    );
  }
  if (of(images) !== of(subject.images)) {
    throw otherResults('The results to go on with are of other images than those named');
  }
  if (environment !== undefined && environment.registry !== subject.registry) {
    throw otherResults(
      `The results to go on with are of ${environment.registry}, not of ${subject.registry}`,
    );
  }
}

function otherResults(message: string): LongshoreError {
  return new LongshoreError(message, {
    code: 'ERR_TUNE_RESUME',
    origin: 'input',
    hint: 'Name the same images (their tags may have moved), or begin anew in another folder',
  });
}
