import { RegistryError } from './errors.ts';
import { type HttpResponse, headerValue } from './http.ts';
import { redactUrl } from './redact.ts';

/** A small body that takes longer than this is dripped at us, which the stall watchdog cannot see. */
const SMALL_BODY_TIMEOUT_MS = 60_000;
/** Reading this much on keeps the connection; more costs more than a new one. */
const MAX_DISCARD_BYTES = 64 * 1024;

/**
 * A whole body in memory, bounded in size and time.
 * @throws RegistryError `ERR_RESPONSE_TOO_LARGE`, `ERR_STALLED`, and what the body throws
 */
export async function readBody(response: HttpResponse, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => response.body.cancel(), SMALL_BODY_TIMEOUT_MS);
  try {
    await response.body.consume((chunk) => {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(response, maxBytes);
      // A copy: the chunk's memory is the transport's.
      chunks.push(Buffer.from(chunk));
      return undefined;
    });
  } catch (error) {
    const cut = error instanceof RegistryError && error.code === 'ERR_CANCELLED';
    throw cut ? tooSlow(response) : error;
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks, size);
}

/** Reads a response to its end whose status has said everything, so that its connection is kept. */
export async function finishBody(response: HttpResponse): Promise<void> {
  try {
    await readBody(response, MAX_DISCARD_BYTES);
  } catch {
    // The status counts; the connection is gone.
  }
}

/** Lets a response go whose body nobody wants, keeping the connection where that is cheap. */
export async function discardBody(response: HttpResponse): Promise<void> {
  const length = headerValue(response.headers, 'content-length');
  if (length === undefined || Number(length) > MAX_DISCARD_BYTES) {
    response.body.cancel();
    return;
  }
  try {
    await readBody(response, MAX_DISCARD_BYTES);
  } catch {
    // The connection is gone then, and nothing was wanted of it.
  }
}

function tooLarge(response: HttpResponse, maxBytes: number): RegistryError {
  return new RegistryError(`Over ${maxBytes} bytes came from ${redactUrl(response.url)}`, {
    code: 'ERR_RESPONSE_TOO_LARGE',
  });
}

function tooSlow(response: HttpResponse): RegistryError {
  const seconds = SMALL_BODY_TIMEOUT_MS / 1000;
  return new RegistryError(
    `A small answer from ${redactUrl(response.url)} was not complete after ${seconds} s`,
    { code: 'ERR_STALLED', origin: 'network', retryable: true },
  );
}
