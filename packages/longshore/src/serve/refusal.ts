import { isLongshoreError } from '../errors.ts';
import type { FaultEffects } from './faults.ts';

/** Codes of the distribution specification, "Error Codes". */
export type RefusalCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'RANGE_INVALID'
  | 'UNKNOWN';

/** An answer that is an error. It ends a request and never leaves the server. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: RefusalCode,
    options: { message?: string; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(options.message ?? code.toLowerCase().replaceAll('_', ' '));
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }

  /** The error document of the specification. */
  body(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message, detail: {} }] });
  }
}

/** No answer at all: the connection is reset, or left as it is. Never leaves the server either. */
export class CutConnection extends Error {
  readonly how: 'reset' | 'silence';

  constructor(how: 'reset' | 'silence') {
    super(`connection cut: ${how}`);
    this.how = how;
  }
}

/** What a client is told about an error of the store below. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!isLongshoreError(error)) return new Refusal(500, 'UNKNOWN', { message: 'internal error' });
  const { message } = error;
  switch (error.code) {
    case 'ERR_DIGEST_MISMATCH':
      return new Refusal(400, 'DIGEST_INVALID', { message });
    case 'ERR_BLOB_NOT_FOUND':
      return new Refusal(404, 'BLOB_UNKNOWN', { message });
    case 'ERR_DISK_FULL':
      return new Refusal(507, 'UNKNOWN', { message });
    default:
      return new Refusal(500, 'UNKNOWN', { message });
  }
}

const CODES_BY_STATUS: Readonly<Record<number, RefusalCode>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  405: 'UNSUPPORTED',
  413: 'SIZE_INVALID',
  416: 'RANGE_INVALID',
  429: 'TOOMANYREQUESTS',
};

/** The refusal that a fault asks for by its status, with words of its own where it has some. */
export function refusalOfStatus(
  status: number,
  { retryAfter, says = {} }: Pick<FaultEffects, 'retryAfter' | 'says'>,
): Refusal {
  const { code = CODES_BY_STATUS[status] ?? 'UNKNOWN', message } = says;
  return new Refusal(status, code, {
    ...(message === undefined ? {} : { message }),
    headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
  });
}
