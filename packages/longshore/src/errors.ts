/** Which part of the system an error belongs to: where its reader should look first. */
export type ErrorOrigin =
  | 'input'
  | 'registry'
  | 'network'
  | 'store'
  | 'disk'
  | 'worker'
  | 'builder'
  | 'converter';

export interface LongshoreErrorOptions {
  /** Stable identifier, `ERR_` and upper case; part of the public contract. */
  readonly code: string;
  /** What the reader can do next: one sentence, no trailing full stop needed. */
  readonly hint?: string | undefined;
  /**
   * Whether the same attempt may succeed later without anybody changing anything.
   * @defaultValue false
   */
  readonly retryable?: boolean | undefined;
  readonly origin?: ErrorOrigin | undefined;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('longshore.error');

/**
 * Base of every error that is meant for a person. The message says what failed and on what;
 * `hint` says what to do next; `cause` keeps what was underneath. A plain `Error` coming out of
 * this library is a bug of the library.
 */
export class LongshoreError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly origin: ErrorOrigin | undefined;

  constructor(message: string, options: LongshoreErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LongshoreError';
    this.code = options.code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.origin = options.origin;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for errors of this library, also when they come from a second copy of it in the process. */
export function isLongshoreError(value: unknown): value is LongshoreError {
  return value instanceof Error && BRAND in value;
}

/** Whether the operating system says that nothing is there, nor perhaps the folders on the way to it. */
export function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/** The operating system's code (`ENOSPC`, `ECONNRESET`, ...) of an error, where it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error) {
    return typeof error.code === 'string' ? error.code : undefined;
  }
  return undefined;
}
