import { LongshoreError } from '../../errors.ts';
import type { BuildStep } from '../builder.ts';

export interface BuildFailure {
  /** Name of the target. */
  readonly target: string;
  /** Where it was when it failed; `undefined` before the first. */
  readonly step: BuildStep | undefined;
  /** What the builder says of it, on one line. */
  readonly reason: string;
  /** The last of its output. */
  readonly lines: readonly string[];
  readonly cause?: unknown;
}

const NO_SPACE = /no space left on device|disk quota exceeded/i;

/**
 * A build that failed by its Dockerfile's fault, or by its disk's.
 * @returns `ERR_BUILD_FAILED`, or `ERR_DISK_FULL` where that is what was said
 */
export function buildFailed(failure: BuildFailure): LongshoreError {
  const { target, step, reason, lines, cause } = failure;
  const where = step === undefined ? '' : ` at ${formatStep(step)}`;
  const output = lines.length === 0 ? '' : `\n${lines.map((line) => `  ${line}`).join('\n')}`;
  const message = `${target} could not be built${where}: ${reason}${output}`;
  if (NO_SPACE.test(reason) || lines.some((line) => NO_SPACE.test(line))) {
    return new LongshoreError(message, {
      code: 'ERR_DISK_FULL',
      origin: 'disk',
      hint: 'Make room where the builder keeps its images and its temporary files, then run again',
      cause,
    });
  }
  return new LongshoreError(message, {
    code: 'ERR_BUILD_FAILED',
    origin: 'builder',
    hint: 'Mend the Dockerfile or its context; the whole output is in the log of this image',
    cause,
  });
}

/** A builder that died, or cannot be reached any more: the same build may succeed later. */
export function builderGone(builder: string, what: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`${builder} ${what}`, {
    code: 'ERR_BUILDER_GONE',
    origin: 'builder',
    retryable: true,
    hint: 'See that it runs and has enough memory, then run again: what was built is kept',
    cause,
  });
}

function formatStep({ name, number, total }: BuildStep): string {
  return `step ${number}${total === undefined ? '' : `/${total}`}, ${name}`;
}
