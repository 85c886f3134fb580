import { isLongshoreError, LongshoreError } from '../../errors.ts';
import type { Instruction } from '../dockerfile/types.ts';
import { formatPlace } from '../problems.ts';

/** What is wrong with an instruction; the place is put before it by `atInstruction`. */
export function instructionError(message: string, hint?: string): LongshoreError {
  return new LongshoreError(message, { code: 'ERR_BUILD_FAILED', origin: 'builder', hint });
}

/**
 * Says of which target and where in the Dockerfile an error is. Errors of the store stay what they
 * are: no Dockerfile is to blame for a full disk.
 */
export function atInstruction(
  error: unknown,
  { target, file }: { readonly target: string; readonly file: string },
  instruction: Instruction,
): unknown {
  if (!isLongshoreError(error) || error instanceof StepError) return error;
  if (error.origin === 'store' || error.origin === 'disk') return error;
  const place = formatPlace({ file, line: instruction.line });
  return new StepError(
    `${target} could not be built at ${stepName(instruction)} (${place}): ${error.message}`,
    {
      code: 'ERR_BUILD_FAILED',
      origin: 'builder',
      hint: error.hint,
      retryable: error.retryable,
      cause: error,
    },
  );
}

/** The instruction on one line, as it was written. */
export function stepName({ keyword, flags, text }: Instruction): string {
  const words = flags.map(({ name, value }) =>
    value === undefined ? `--${name}` : `--${name}=${value}`,
  );
  return [keyword, ...words, text].join(' ');
}

/** Has its place already; stages that are built for others pass it on. */
class StepError extends LongshoreError {}
