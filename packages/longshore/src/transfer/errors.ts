import { errnoOf, isLongshoreError } from '../errors.ts';
import type { ErrorSummary } from './events.ts';

/** An error as data, for events and reports. An unexpected one keeps its class in the code. */
export function summariseError(error: unknown): ErrorSummary {
  if (isLongshoreError(error)) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  if (error instanceof Error) {
    return { code: errnoOf(error) ?? 'ERR_UNEXPECTED', message: `${error.name}: ${error.message}` };
  }
  return { code: 'ERR_UNEXPECTED', message: String(error) };
}
