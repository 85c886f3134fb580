import { isLongshoreError, LongshoreError } from '../errors.ts';

/** An error as plain data, for a message to another thread or process. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly origin?: LongshoreError['origin'];
  readonly longshore: boolean;
  readonly cause?: ErrorData;
}

// A chain of causes that bites its tail must not take the worker along.
const DEEPEST_CAUSE = 8;

/**
 * Takes an error apart. A structured clone would lose its `code`, its class and, where a property
 * cannot be cloned, the error itself.
 */
export function describeError(thrown: unknown, depth = 0): ErrorData {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: `threw ${printValue(thrown)}`, longshore: false };
  }
  const { stack } = thrown;
  const code = 'code' in thrown ? thrown.code : undefined;
  const ours = isLongshoreError(thrown);
  return {
    name: thrown.name,
    message: thrown.message,
    longshore: ours,
    ...(typeof stack === 'string' && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(ours && { retryable: thrown.retryable }),
    ...(ours && thrown.hint !== undefined && { hint: thrown.hint }),
    ...(ours && thrown.origin !== undefined && { origin: thrown.origin }),
    ...(thrown.cause !== undefined &&
      depth < DEEPEST_CAUSE && { cause: describeError(thrown.cause, depth + 1) }),
  };
}

/**
 * Puts an error together again: its name, message, code, causes and the stack it had over there,
 * below which comes where it was received. A `LongshoreError` is one again.
 */
export function rebuildError(data: ErrorData): Error {
  const cause = data.cause === undefined ? undefined : rebuildError(data.cause);
  const error = data.longshore
    ? new LongshoreError(data.message, {
        code: String(data.code),
        hint: data.hint,
        retryable: data.retryable,
        origin: data.origin,
        cause,
      })
    : new Error(data.message, cause === undefined ? undefined : { cause });
  define(error, 'name', data.name);
  if (!data.longshore && data.code !== undefined) define(error, 'code', data.code);
  if (data.stack !== undefined) define(error, 'stack', data.stack);
  return error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}

function printValue(value: unknown): string {
  try {
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}
