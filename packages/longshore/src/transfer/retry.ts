import { isLongshoreError } from '../errors.ts';

/**
 * Tries without a sign of progress after which a blob is given up: about a minute of waiting on
 * average, which outlasts the restart of a registry.
 */
export const MAX_BLOB_ATTEMPTS = 10;
/** After so many of them that cut a piece short, the blob is asked for in one. */
const PIECES_ATTEMPTS = 4;
/** This much new data clears the count: a transfer that moves is worth going on with. */
const PROGRESS_BYTES: number = 1024 * 1024;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** A registry that asks to wait longer than this is asked again all the same. */
export const LONGEST_ASKED_MS = 60_000;
/** New addresses that are refused as well say that age was not the reason. */
const MAX_ADDRESSES = 5;

/** What has been tried for one blob. */
export interface Trouble {
  /** Failures since the last progress. */
  readonly attempts: number;
  /** Bytes held when the count was last cleared. */
  readonly heldBytes: number;
  /** Times that the whole blob came and was wrong. */
  readonly corruptions: number;
  /** Which of the blob's sources is asked now. */
  readonly source: number;
  /** Something was wrong with a range, or may have been: the whole blob is asked for from now on. */
  readonly whole: boolean;
}

export const NO_TROUBLE: Trouble = {
  attempts: 0,
  heldBytes: 0,
  corruptions: 0,
  source: 0,
  whole: false,
};

export type AfterFailure =
  | { readonly action: 'retry'; readonly delayMs: number; readonly trouble: Trouble }
  | { readonly action: 'fail' };

/**
 * What to do after a blob's transfer broke: go on after a pause, ask the next repository that is
 * said to have the blob, or give up. Pure; `random` is a number from 0 to 1 for the jitter.
 */
export function afterFailure(
  error: unknown,
  trouble: Trouble,
  context: { readonly heldBytes: number; readonly sources: number; readonly random: number },
): AfterFailure {
  const progressed = context.heldBytes - trouble.heldBytes >= PROGRESS_BYTES;
  const attempts = (progressed ? 0 : trouble.attempts) + 1;
  const heldBytes = progressed ? context.heldBytes : trouble.heldBytes;
  const elsewhere = trouble.source + 1 < context.sources;

  if (isRangeTrouble(error) && !trouble.whole) {
    return retryNow({ ...trouble, heldBytes, whole: true });
  }
  if (isCorruption(error)) {
    if (trouble.corruptions > 0 && !elsewhere) return { action: 'fail' };
    const source = elsewhere ? trouble.source + 1 : trouble.source;
    const corruptions = trouble.corruptions + 1;
    // Which of its pieces was wrong nobody can tell; without pieces there is none.
    return retryNow({ ...trouble, attempts, heldBytes: 0, corruptions, source, whole: true });
  }
  if (!isRetryable(error)) {
    if (!elsewhere || !isRefusal(error)) return { action: 'fail' };
    const source = trouble.source + 1;
    return retryNow({ ...trouble, attempts: 0, heldBytes, source });
  }
  if (attempts >= (isAddressRefused(error) ? MAX_ADDRESSES : MAX_BLOB_ATTEMPTS)) {
    return { action: 'fail' };
  }
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1));
  // The first break of a stream that moved is reopened at once: the registry did nothing wrong yet.
  const jittered = progressed && attempts === 1 ? 0 : Math.round(ceiling * context.random);
  const delayMs = Math.max(jittered, Math.min(LONGEST_ASKED_MS, retryAfterMs(error) ?? 0));
  const whole = trouble.whole || (attempts >= PIECES_ATTEMPTS && codeOf(error) === CUT_SHORT);
  return { action: 'retry', delayMs, trouble: { ...trouble, attempts, heldBytes, whole } };
}

function retryNow(trouble: Trouble): AfterFailure {
  return { action: 'retry', delayMs: 0, trouble };
}

/** Whether the same request may fare better. */
export function isRetryable(error: unknown): boolean {
  return isLongshoreError(error) && error.retryable;
}

function codeOf(error: unknown): string | undefined {
  return isLongshoreError(error) ? error.code : undefined;
}

function isAddressRefused(error: unknown): boolean {
  return codeOf(error) === 'ERR_ADDRESS_REFUSED';
}

const CUT_SHORT = 'ERR_BODY_TRUNCATED';
const TOO_LONG = 'ERR_BODY_TOO_LONG';

/** The blob came whole and was wrong: another copy of it may be right. */
function isCorruption(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ERR_DIGEST_MISMATCH' || code === TOO_LONG;
}

const RANGE_TROUBLE: ReadonlySet<string | undefined> = new Set([
  'ERR_RANGE_NOT_SATISFIABLE',
  'ERR_RANGE_MISMATCH',
  'ERR_SIZE_MISMATCH',
  TOO_LONG,
]);

/**
 * A range was refused or answered wrongly. A wrong size counts as well: it may stand in the
 * `Content-Range` alone, and the whole blob then tells the truth.
 */
export function isRangeTrouble(error: unknown): boolean {
  return RANGE_TROUBLE.has(codeOf(error));
}

/** The registry refuses, or does not have it: another repository may. A full disk is no such thing. */
function isRefusal(error: unknown): boolean {
  return isLongshoreError(error) && error.origin === 'registry';
}

/** How a request that was not refused for lack of room failed, as its server's lane counts it. */
export function endedHow(error: unknown): 'well' | 'broken' | 'failed' {
  if (!isLongshoreError(error) || !error.retryable)
    return isRangeTrouble(error) ? 'failed' : 'well';
  return error.origin === 'network' ? 'broken' : 'failed';
}

/** The server has no room: it answers, and may serve this very request later. */
export function isThrottled(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  return error.status === 429 || error.status === 503;
}

export function retryAfterMs(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryAfterMs' in error)) return undefined;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
