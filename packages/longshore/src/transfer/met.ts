import { isLongshoreError } from '../errors.ts';

/**
 * What a server did that it should not have, or that a pull had to work around. Counted, so that the
 * end of a run can say what it met although all went well.
 */
export interface Met {
  /** 416 for a range of a blob. */
  readonly rangesRefused?: number | undefined;
  /** 200 and the whole blob for a range. */
  readonly rangesIgnored?: number | undefined;
  /** 206 with other bytes than asked for, with a wrong total, or in a form nobody asked for. */
  readonly rangesWrong?: number | undefined;
  /** A store refused the address that the registry had redirected to. */
  readonly addressesRefused?: number | undefined;
  /** 429 or 503. */
  readonly refusals?: number | undefined;
  /** `Retry-After` of more than a minute, of which a minute is waited. */
  readonly longWaits?: number | undefined;
  /** Connections that broke before any answer. */
  readonly turnedAway?: number | undefined;
  /** Connections that broke while a body came. */
  readonly broken?: number | undefined;
  /** Connections that were cut because they stood still, or crawled, while others moved. */
  readonly silent?: number | undefined;
  readonly slow?: number | undefined;
}

/** What an error of a request tells of its server, beyond refusals and breaks. */
export function metInError(error: unknown): keyof Met | undefined {
  if (!isLongshoreError(error)) return undefined;
  switch (error.code) {
    case 'ERR_RANGE_NOT_SATISFIABLE':
      return 'rangesRefused';
    case 'ERR_RANGE_MISMATCH':
      return 'rangesWrong';
    case 'ERR_SIZE_MISMATCH':
      return 'status' in error && error.status === 206 ? 'rangesWrong' : undefined;
    case 'ERR_ADDRESS_REFUSED':
      return 'addressesRefused';
    default:
      return undefined;
  }
}
