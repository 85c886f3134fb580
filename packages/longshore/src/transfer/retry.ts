import { isLongshoreError } from '../errors.ts';

/**
 * Tries without a sign of progress after which a blob is given up: about a minute of waiting on
 * average, which outlasts the restart of a registry.
 */
export const MAX_BLOB_ATTEMPTS = 10;
/** After so many of them, of which the last cut a piece short, the blob is asked for in one, once. */
const PIECES_ATTEMPTS = 7;
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
  /** Whether the whole blob is asked for: ranges of it were wrong, or may have been. */
  readonly whole: 'no' | 'once' | 'for good';
}

export const NO_TROUBLE: Trouble = {
  attempts: 0,
  heldBytes: 0,
  corruptions: 0,
  source: 0,
  whole: 'no',
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
  context: {
    readonly heldBytes: number;
    readonly sources: number;
    readonly random: number;
    /** Some of it came as an answer to a range. @defaultValue false */
    readonly inPieces?: boolean;
  },
): AfterFailure {
  const progressed = context.heldBytes - trouble.heldBytes >= PROGRESS_BYTES;
  const attempts = (progressed ? 0 : trouble.attempts) + 1;
  const heldBytes = progressed ? context.heldBytes : trouble.heldBytes;
  const elsewhere = trouble.source + 1 < context.sources;

  if (isRangeTrouble(error) && trouble.whole !== 'for good') {
    return retryNow({ ...trouble, heldBytes, whole: 'for good' });
  }
  if (isCorruption(error)) {
    const anew = { ...trouble, attempts, heldBytes: 0, corruptions: trouble.corruptions + 1 };
    if (elsewhere) return retryNow({ ...anew, source: trouble.source + 1, whole: 'no' });
    if (trouble.corruptions === 0) return retryNow(anew);
    // Which of its pieces was wrong nobody can tell; in one piece it may be right.
    return context.inPieces === true
      ? retryNow({ ...anew, whole: 'for good' })
      : { action: 'fail' };
  }
  if (!isRetryable(error)) {
    if (!elsewhere || !isRefusal(error)) return { action: 'fail' };
    const source = trouble.source + 1;
    return retryNow({ ...trouble, attempts: 0, heldBytes, source, whole: 'no' });
  }
  if (attempts >= (isAddressRefused(error) ? MAX_ADDRESSES : MAX_BLOB_ATTEMPTS)) {
    return { action: 'fail' };
  }
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1));
  // The first break of a stream that moved is reopened at once: the registry did nothing wrong yet.
  const jittered = progressed && attempts === 1 ? 0 : Math.round(ceiling * context.random);
  const delayMs = Math.max(jittered, Math.min(LONGEST_ASKED_MS, retryAfterMs(error) ?? 0));
  const isCut = context.inPieces === true && codeOf(error) === CUT_SHORT;
  const once = isCut && attempts === PIECES_ATTEMPTS ? 'once' : 'no';
  const whole = trouble.whole === 'for good' ? trouble.whole : once;
  return { action: 'retry', delayMs, trouble: { ...trouble, attempts, heldBytes, whole } };
}

function retryNow(trouble: Trouble): AfterFailure {
  return { action: 'retry', delayMs: 0, trouble };
}

function isRetryable(error: unknown): boolean {
  return isLongshoreError(error) && error.retryable;
}

function codeOf(error: unknown): string | undefined {
  return isLongshoreError(error) ? error.code : undefined;
}

function isAddressRefused(error: unknown): boolean {
  return codeOf(error) === 'ERR_ADDRESS_REFUSED';
}

const CUT_SHORT = 'ERR_BODY_TRUNCATED';

/** The blob came whole and was wrong, or was more than the whole: another copy of it may be right. */
function isCorruption(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ERR_DIGEST_MISMATCH' || code === 'ERR_BODY_TOO_LONG';
}

const RANGE_TROUBLE: ReadonlySet<string | undefined> = new Set([
  'ERR_RANGE_NOT_SATISFIABLE',
  'ERR_RANGE_MISMATCH',
  'ERR_SIZE_MISMATCH',
]);

/**
 * A range was refused or answered wrongly. A wrong size counts as well: it may stand in the
 * `Content-Range` alone, and the whole blob then tells the truth.
 */
export function isRangeTrouble(error: unknown): boolean {
  return RANGE_TROUBLE.has(codeOf(error));
}

/** The registry refuses for good. */
export function isDenied(error: unknown): boolean {
  return isRefusal(error) && !isRetryable(error);
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
