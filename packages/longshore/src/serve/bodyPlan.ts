import { parseRange, type RangeWish } from './byteRange.ts';
import type { FaultEffects } from './faults.ts';

/** Content to be answered, before anything is done to it. */
export interface Content {
  readonly size: number;
  readonly mediaType: string;
  readonly digest: string;
}

/** How a body ends that does not end well. */
export type CutKind = 'close' | 'reset' | 'stall';

/** A response with a body, decided in full before its first byte. */
export interface BodyPlan {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the content that follow; `end` not included. */
  readonly start: number;
  readonly end: number;
  /** Sent before and after the content: the wrapping of a multipart answer. */
  readonly prefix: string;
  readonly suffix: string;
  /** After how many bytes of the body it is cut, and how. */
  readonly cut: { readonly at: number; readonly how: CutKind } | undefined;
  /** Offset in the content of the byte whose bits are flipped. */
  readonly corruptAt: number | undefined;
}

const BOUNDARY = 'longshore-part';

/** The answer to a GET (or the head of it to a HEAD) of content, with the faults that apply. */
export function planBody(
  content: Content,
  rangeHeader: string | undefined,
  effects: FaultEffects,
): BodyPlan | 'unsatisfiable' {
  const wish = parseRange(rangeHeader, content.size);
  if (wish.kind === 'unsatisfiable' || (wish.kind === 'part' && effects.range === 'refuse')) {
    return 'unsatisfiable';
  }
  const part = planPart(content, wish, effects);
  const length = part.end - part.start + part.prefix.length + part.suffix.length;
  const headers = {
    'content-type': content.mediaType,
    ...(effects.range === 'ignore' ? {} : { 'accept-ranges': 'bytes' }),
    ...digestHeader(content.digest, effects),
    ...lengthHeader(length, effects),
    ...part.headers,
    ...effects.headers,
  };
  return { ...part, headers, cut: planCut(length, effects), corruptAt: effects.corruptAt };
}

type Part = Pick<BodyPlan, 'status' | 'headers' | 'start' | 'end' | 'prefix' | 'suffix'>;

function planPart({ size }: Content, wish: RangeWish, effects: FaultEffects): Part {
  const plain = { prefix: '', suffix: '' };
  if (wish.kind !== 'part' || effects.range === 'ignore') {
    return { status: 200, headers: {}, start: 0, end: size, ...plain };
  }
  const { start, end } = bendRange(wish, effects);
  const total = effects.range === 'other-total' ? size + 1 : size;
  const label = `bytes ${start}-${end - 1}/${total}`;
  const part = { status: 206, start, end };
  if (effects.range === 'unlabelled') return { ...part, headers: {}, ...plain };
  if (effects.range !== 'multipart') {
    return { ...part, headers: { 'content-range': label }, ...plain };
  }
  return {
    ...part,
    headers: { 'content-type': `multipart/byteranges; boundary=${BOUNDARY}` },
    prefix: `--${BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Range: ${label}\r\n\r\n`,
    suffix: `\r\n--${BOUNDARY}--\r\n`,
  };
}

function bendRange(
  { start, end }: { start: number; end: number },
  effects: FaultEffects,
): { start: number; end: number } {
  if (effects.range === 'shorter') return { start, end: start + Math.ceil((end - start) / 2) };
  if (effects.range === 'other-offset' && end - start > 1) return { start: start + 1, end };
  return { start, end };
}

function digestHeader(digest: string, effects: FaultEffects): Record<string, string> {
  if (effects.digestHeader === 'missing') return {};
  const other = digest.replace(/[0-9a-f]$/, (last) => (last === '0' ? '1' : '0'));
  return { 'docker-content-digest': effects.digestHeader === 'wrong' ? other : digest };
}

function lengthHeader(length: number, effects: FaultEffects): Record<string, string> {
  if (effects.length === undefined) return { 'content-length': String(length) };
  if (effects.length === 'missing') return {};
  const told = effects.length === 'long' ? length + 1 : Math.max(0, length - 1);
  return { 'content-length': String(told), connection: 'close' };
}

/** The cut that comes first; a length that promises more than there is ends in one too. */
function planCut(length: number, effects: FaultEffects): BodyPlan['cut'] {
  const { truncateAt, resetAt, stallAt } = effects;
  const wished = [
    { at: truncateAt, how: 'close' as const },
    { at: resetAt, how: 'reset' as const },
    { at: stallAt, how: 'stall' as const },
    { at: effects.length === 'long' ? length : undefined, how: 'close' as const },
  ];
  const cuts = wished.flatMap(({ at, how }) => (at === undefined ? [] : [{ at, how }]));
  const first = cuts.sort((a, b) => a.at - b.at)[0];
  // A body that is over before the offset ends as it should.
  return first !== undefined && first.at <= length ? first : undefined;
}
