import type { HeaderFields } from '../http.ts';

/** Status and fields of a response, read strictly. */
export interface ResponseHead {
  /** 1.0 is understood for the 400 alone that Go's TLS servers have for plain requests. */
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly headers: HeaderFields;
}

const STATUS_LINE = /^HTTP\/(1\.1(?= [2-5])|1\.0(?= 400)) (\d\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const TERMINATOR = Buffer.from('\r\n\r\n');

/** Offset after the empty line that ends a head, or -1. @param from where to look first */
export function findHeadEnd(bytes: Buffer, from = 0): number {
  const at = bytes.indexOf(TERMINATOR, Math.max(0, from));
  return at < 0 ? -1 : at + TERMINATOR.length;
}

/**
 * Reads a response head, its empty line included. `undefined` for anything that is not plain
 * HTTP/1.1 by the book (other versions, 1xx, folded lines, bare line feeds, spaces before colons):
 * that is for a reader which is made for the odd.
 */
export function parseResponseHead(bytes: Buffer): ResponseHead | undefined {
  const lines = bytes.toString('latin1', 0, bytes.byteLength - TERMINATOR.length).split('\r\n');
  const [, version, status] = STATUS_LINE.exec(lines[0] ?? '') ?? [];
  if (version === undefined) return undefined;
  const headers = new Map<string, string[]>();
  for (let i = 1; i < lines.length; i += 1) {
    const match = FIELD.exec(lines[i] ?? '');
    if (match === null) return undefined;
    const [, name = '', value = ''] = match;
    const key = name.toLowerCase();
    const found = headers.get(key);
    if (found === undefined) headers.set(key, [value.trimEnd()]);
    else found.push(value.trimEnd());
  }
  return { version: version === '1.0' ? '1.0' : '1.1', status: Number(status), headers };
}

/**
 * The exact length of the body that follows, or `undefined` where it is not told in the one
 * unmistakable way: a single `Content-Length` of digits and no `Transfer-Encoding`
 * (RFC 9112, 6.3; two readers that disagree here are how responses get smuggled).
 */
export function bodyLengthOf({ version, status, headers }: ResponseHead): number | undefined {
  if (version === '1.0' || headers.has('transfer-encoding')) return undefined;
  if (status === 204 || status === 304) return headers.has('content-length') ? undefined : 0;
  const lengths = headers.get('content-length');
  const [length = ''] = lengths ?? [];
  if (lengths?.length !== 1 || !/^\d{1,15}$/.test(length)) return undefined;
  return Number(length);
}

/** Whether the connection may carry another request after this response. */
export function keepsAlive({ headers }: ResponseHead): boolean {
  const options = headers.get('connection')?.join(',').toLowerCase() ?? '';
  return !/(?:^|,)\s*(?:close|upgrade)\s*(?:,|$)/.test(options);
}
