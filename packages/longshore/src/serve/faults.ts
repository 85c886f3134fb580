import type { RefusalCode } from './refusal.ts';

/** What a request is for, as fault rules and statistics name it. */
export type RequestKind =
  | 'ping'
  | 'token'
  | 'catalog'
  | 'tags'
  | 'referrers'
  | 'manifest'
  | 'blob'
  | 'upload'
  /** Bytes of a blob on the second origin, after a redirect. */
  | 'content'
  | 'other';

/**
 * What happens to a request. Offsets count the bytes of this one body, unless said otherwise.
 * Bodies are those of blob downloads, of content downloads and of uploads; a fault that needs a
 * response body also works on manifests.
 */
export interface FaultEffects {
  /** Waits before anything is answered. Milliseconds. */
  readonly latencyMs?: number;
  /** Waits after the last byte of an upload, before its commit. Milliseconds. */
  readonly commitLatencyMs?: number;
  /** Limit of each body alone, both directions. 0 stands still until the faults are replaced. */
  readonly bytesPerSecond?: number;
  /** Limit of all bodies together that take it from the same rule. 0 as above. */
  readonly totalBytesPerSecond?: number;
  /** What happens when many bodies move at once. */
  readonly crowd?: CrowdFault;
  /**
   * Answers with this status and an error body; `reset` cuts the connection with RST before any
   * answer; `silence` never answers.
   */
  readonly status?: number | 'reset' | 'silence';
  /** Of the error document that comes with a `status`. @defaultValue by the status */
  readonly says?: { readonly code?: RefusalCode; readonly message?: string };
  /** `Retry-After` of refusals, here and in `crowd`: seconds as a number, or the text as it is. */
  readonly retryAfter?: number | string;
  /** Closes the connection (FIN) after that many bytes of the response body. */
  readonly truncateAt?: number;
  /** Cuts the connection (RST) after that many bytes, of the response or of the upload. */
  readonly resetAt?: number;
  /** Stands still after that many bytes, of the response or of the upload, until the client leaves. */
  readonly stallAt?: number;
  /** Flips the bits of the byte at this offset: of the blob (not of the range), or of the upload. */
  readonly corruptAt?: number;
  /** What becomes of `Range`; see `RangeFault`. */
  readonly range?: RangeFault;
  /**
   * `Content-Length`: left out (chunked), one byte less than what follows, or one byte more and the
   * connection closed.
   */
  readonly length?: 'missing' | 'short' | 'long';
  /** `Docker-Content-Digest` left out, or naming other content. */
  readonly digestHeader?: 'missing' | 'wrong';
  /** Sends blob downloads to the second origin. */
  readonly redirect?: RedirectFault;
  /** Answers mounts with 202, as registries without them do. */
  readonly refuseMounts?: boolean;
  /** Added to the response, in place of what is there. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * - `refuse`: 416, whatever was asked
 * - `ignore`: 200 and the whole content, `Accept-Ranges` left out
 * - `other-offset`: 206 that starts one byte later than asked, and says so
 * - `other-total`: 206 with a total in `Content-Range` that is one byte too large
 * - `shorter`: 206 with the first half of what was asked, and says so (allowed by RFC 9110)
 * - `unlabelled`: 206 without `Content-Range`
 * - `multipart`: 206 as `multipart/byteranges`
 */
export type RangeFault =
  | 'refuse'
  | 'ignore'
  | 'other-offset'
  | 'other-total'
  | 'shorter'
  | 'unlabelled'
  | 'multipart';

export interface RedirectFault {
  /** @defaultValue 307 */
  readonly status?: number;
  /** How long the signed address is good for. @defaultValue 1200, as distribution signs */
  readonly ttlSeconds?: number;
  /** The address serves one request; a second is answered 403. @defaultValue false */
  readonly singleUse?: boolean;
}

/**
 * Acts while more than `above` bodies of the rule are open.
 * - `429`, `503`, `reset`: the one that comes on top is refused
 * - `slow`: everybody's rates are multiplied by `(above / open) ** gamma`
 * - `freeze`: the one that comes on top stands still until its client leaves
 * - `queue`: the one that comes on top waits until another has ended
 */
export interface CrowdFault {
  readonly above: number;
  readonly effect: 429 | 503 | 'reset' | 'slow' | 'freeze' | 'queue';
  /** For `slow`; above 1 the total falls as more come. @defaultValue 2 */
  readonly gamma?: number;
}

/** Which requests a rule is for; everything that is given must fit. */
export interface FaultMatch {
  readonly method?: string | readonly string[];
  readonly kind?: RequestKind | readonly RequestKind[];
  /** The path as requested: `app`, `ghcr.io/owner/app`. */
  readonly repository?: string | RegExp;
  /** The digest in the path or the query. */
  readonly digest?: string;
  /** Tag or digest of a manifest request. */
  readonly reference?: string;
  /** Of the requests that fit all above, counted from 1 since the faults were set: these. */
  readonly nth?: number | readonly number[];
  /** ... the first so many. */
  readonly first?: number;
  /** ... each so manieth. */
  readonly every?: number;
  /** ... with this probability, drawn from `Faults.seed`. 0 to 1. */
  readonly probability?: number;
  /** ... while more than this many of them are being answered, this one included. */
  readonly aboveInFlight?: number;
  /** ... beyond this many a second: a token bucket that holds one second's worth. */
  readonly abovePerSecond?: number;
}

export interface FaultRule extends FaultEffects {
  /** @defaultValue every request */
  readonly on?: FaultMatch;
}

/**
 * All that goes wrong on purpose. Effects at the top level apply to every request; the rules that
 * fit are laid over them in order, the later one winning per effect. Replace the whole object to
 * change it, also while bodies are on their way: rates and crowds take hold of them at once.
 */
export interface Faults extends FaultEffects {
  readonly rules?: readonly FaultRule[];
  /** For `probability`. @defaultValue 1 */
  readonly seed?: number;
}
