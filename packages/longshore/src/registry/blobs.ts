import { errnoOf } from '../errors.ts';
import { type Descriptor, shortDigest } from '../image/index.ts';
import type { RegistryClient } from './client.ts';
import { type ContentRange, formatRange, parseContentRange } from './contentRange.ts';
import { originOf } from './endpoint.ts';
import { RegistryError } from './errors.ts';
import { type HttpResponse, headerValue } from './http.ts';
import { describeRequest } from './redact.ts';
import type { BlobRequest, BlobStream, ChunkConsumer, RepositoryAddress } from './types.ts';
import { withRetries } from './withRetries.ts';

/** Opens blobs: the request, the checks on what answers it, and a body of exactly that length. */
export async function openBlob(
  client: RegistryClient,
  repository: RepositoryAddress,
  descriptor: Descriptor,
  request: BlobRequest,
): Promise<BlobStream> {
  const { signal } = request;
  const range = readRange(descriptor, request);
  const access = { registry: repository.registry, repository: repository.repository };
  const call = {
    method: 'GET',
    kind: 'blob',
    access,
    path: `${repository.repository}/blobs/${descriptor.digest}`,
    headers: range === undefined ? {} : { range: formatRange(range.start, range.lastOpen) },
    signal,
    what: `blob ${shortDigest(descriptor.digest)} of ${access.registry}/${access.repository}`,
  } as const;
  const open = async (): Promise<BlobStream> => {
    const response = await client.send(call, range === undefined ? [200] : [200, 206]);
    try {
      return new CheckedBlob(response, expectedSpan(response, descriptor, range));
    } catch (error) {
      response.body.cancel();
      throw error;
    }
  };
  const context = { method: call.method, url: client.urlOf(call), signal, retry: request.retry };
  return withRetries(open, client.options, context);
}

interface WantedRange {
  readonly start: number;
  readonly end: number;
  /** `end` where the caller gave one: what the header field says. */
  readonly lastOpen: number | undefined;
}

/** An explicit start asks for a range, 0 included: that is how a caller learns whether ranges work. */
function readRange(descriptor: Descriptor, request: BlobRequest): WantedRange | undefined {
  const { start, end } = request;
  if (start === undefined && end === undefined) return undefined;
  const wanted = { start: start ?? 0, end: end ?? descriptor.size, lastOpen: end };
  const { start: from, end: to } = wanted;
  // No range of an empty blob can be asked for in HTTP.
  if (descriptor.size === 0 && from === 0 && to === 0) return undefined;
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (!whole || from < 0 || from >= to || to > descriptor.size) {
    throw new RangeError(`bytes ${from} to ${to} are not a range of ${descriptor.size} bytes`);
  }
  return wanted;
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly ranged: boolean;
}

/**
 * Which bytes a response will bring, after everything that its head claims was compared with what
 * was asked for and with the descriptor.
 */
function expectedSpan(
  response: HttpResponse,
  descriptor: Descriptor,
  wanted: WantedRange | undefined,
): Span {
  const { size } = descriptor;
  if (response.status === 206 && wanted !== undefined) {
    const range = readContentRange(response);
    if (range.total !== undefined && range.total !== size) {
      throw wrongSize(response, descriptor, range.total);
    }
    if (range.start !== wanted.start || range.end !== wanted.end) {
      throw wrongRange(
        response,
        `bytes ${range.start} to ${range.end} for ${wanted.start} to ${wanted.end}`,
      );
    }
    checkLength(response, descriptor, range.end - range.start);
    return { start: range.start, end: range.end, ranged: true };
  }
  checkLength(response, descriptor, size);
  return { start: 0, end: size, ranged: false };
}

function readContentRange(response: HttpResponse): ContentRange {
  const type = headerValue(response.headers, 'content-type') ?? '';
  if (/^multipart\//i.test(type)) throw wrongRange(response, 'several ranges');
  const range = parseContentRange(headerValue(response.headers, 'content-range') ?? '');
  if (range === undefined) throw wrongRange(response, 'a range without saying which');
  return range;
}

/** `Content-Length` may be missing (pull.md: containerd#5124); where it is there it has to be right. */
function checkLength(response: HttpResponse, descriptor: Descriptor, expected: number): void {
  const length = headerValue(response.headers, 'content-length');
  if (length === undefined || Number(length) === expected) return;
  throw wrongSize(response, descriptor, Number(length));
}

function wrongSize(response: HttpResponse, descriptor: Descriptor, told: number): RegistryError {
  return new RegistryError(
    `${response.url.host} has ${told} bytes for blob ${shortDigest(descriptor.digest)}, the manifest says ${descriptor.size}`,
    {
      code: 'ERR_SIZE_MISMATCH',
      hint: 'The image or the registry is at fault; push the image again, or ask whoever runs the registry',
      status: response.status,
      request: describeRequest({ method: 'GET', url: response.url }),
    },
  );
}

function wrongRange(response: HttpResponse, what: string): RegistryError {
  return new RegistryError(`${response.url.host} sent ${what}`, {
    code: 'ERR_RANGE_MISMATCH',
    hint: 'This server does not do ranges right; whole blobs may still work (--serial)',
    status: response.status,
    request: describeRequest({ method: 'GET', url: response.url }),
  });
}

/** A body that is over at exactly its length, or is an error. */
class CheckedBlob implements BlobStream {
  readonly origin: string;
  readonly start: number;
  readonly end: number;
  readonly ranged: boolean;
  readonly via: 'direct' | 'undici';
  readonly #response: HttpResponse;

  constructor(response: HttpResponse, span: Span) {
    this.origin = originOf(response.url);
    this.start = span.start;
    this.end = span.end;
    this.ranged = span.ranged;
    this.via = response.via;
    this.#response = response;
  }

  async consume(onChunk: ChunkConsumer): Promise<void> {
    let left = this.end - this.start;
    let failure: unknown;
    try {
      await this.#response.body.consume((chunk) => {
        left -= chunk.byteLength;
        if (left < 0) throw this.#tooLong();
        return onChunk(chunk);
      });
    } catch (error) {
      failure = error;
    }
    // A connection that closes where the body should go on is told in the words of the blob.
    if (left > 0 && (failure === undefined || isClosed(failure)))
      throw this.#truncated(left, failure);
    if (failure !== undefined) throw failure;
  }

  cancel(): void {
    this.#response.body.cancel();
  }

  #truncated(missing: number, cause: unknown): RegistryError {
    const { host } = this.#response.url;
    return new RegistryError(`${host} closed the connection ${missing} bytes before the end`, {
      code: 'ERR_BODY_TRUNCATED',
      origin: 'network',
      retryable: true,
      request: describeRequest({ method: 'GET', url: this.#response.url }),
      cause,
    });
  }

  #tooLong(): RegistryError {
    return new RegistryError(
      `${this.#response.url.host} sent more than the ${this.end - this.start} bytes that belong here`,
      {
        // Of a range that is wrong; of a whole blob, that the blob is.
        code: this.ranged ? 'ERR_RANGE_MISMATCH' : 'ERR_BODY_TOO_LONG',
        request: describeRequest({ method: 'GET', url: this.#response.url }),
      },
    );
  }
}

/** How the transports say that the other side closed before the end of the body. */
const CLOSED: ReadonlySet<string | undefined> = new Set([
  'ECLOSED',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

function isClosed(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  const { cause } = error;
  return CLOSED.has(errnoOf(cause)) || (cause instanceof Error && cause.name === 'HTTPParserError');
}
