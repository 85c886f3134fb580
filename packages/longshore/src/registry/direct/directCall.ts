import { BodyPump } from '../bodyPump.ts';
import type { HttpRequest, HttpResponse } from '../http.ts';
import type { ResolvedOptions } from '../options.ts';
import { describeRequest } from '../redact.ts';
import type { Watchdog } from '../watchdog.ts';
import { type Connection, closedEarly, type Receiver, unanswered } from './connection.ts';
import {
  bodyLengthOf,
  findHeadEnd,
  keepsAlive,
  parseResponseHead,
  type ResponseHead,
} from './responseHead.ts';

/** Largest response head that is read; undici is given the same limit. */
export const MAX_HEAD_BYTES: number = 32 * 1024;

/** How a call ended before there was a response. */
export type Refusal =
  /** An answer that this strict reader leaves to undici. */
  | { readonly kind: 'odd'; readonly status: number | undefined }
  /** A kept connection that was closed before it answered: says nothing about the request. */
  | { readonly kind: 'stale' };

export interface DirectCallOptions {
  readonly request: HttpRequest;
  readonly connection: Connection;
  readonly settings: ResolvedOptions;
  readonly watchdog: Watchdog;
  /** Gets the connection back when the response has ended exactly where it had to. */
  readonly release: (connection: Connection) => void;
}

/** One request on one connection: sends it, reads the head, hands the body to a pump. */
export class DirectCall implements Receiver {
  readonly #options: DirectCallOptions;
  readonly #outcome = Promise.withResolvers<HttpResponse | Refusal>();
  readonly #onAbort = (): void => this.#fail(this.#options.request.signal?.reason);
  #timer: NodeJS.Timeout | undefined;
  /** What of the head has come so far. */
  #headBytes: Buffer = Buffer.alloc(0);
  #pump: BodyPump | undefined;
  #left = 0;
  #reusable = false;

  constructor(options: DirectCallOptions) {
    this.#options = options;
  }

  /** The response, a reason to try otherwise, or a rejection with what the socket said. */
  send(): Promise<HttpResponse | Refusal> {
    const { request, connection, settings } = this.#options;
    const { signal } = request;
    this.#timer = setTimeout(() => this.#fail(unanswered()), settings.headersTimeoutMs);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    connection.start(formatRequest(request), this);
    return this.#outcome.promise.finally(() => {
      clearTimeout(this.#timer);
      signal?.removeEventListener('abort', this.#onAbort);
    });
  }

  onData(chunk: Buffer): boolean {
    return this.#pump === undefined ? this.#onHead(chunk) : this.#onBody(this.#pump, chunk);
  }

  onClosed(error: Error | undefined): void {
    const { connection } = this.#options;
    if (this.#pump !== undefined) {
      this.#pump.fail(error ?? closedEarly());
    } else if (connection.uses > 0 && this.#headBytes.byteLength === 0) {
      this.#outcome.resolve({ kind: 'stale' });
    } else {
      this.#outcome.reject(error ?? closedEarly());
    }
  }

  #onHead(chunk: Buffer): boolean {
    const before = this.#headBytes.byteLength;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#headBytes, chunk]);
    const end = findHeadEnd(bytes, before - 3);
    if (end > MAX_HEAD_BYTES || (end < 0 && bytes.byteLength > MAX_HEAD_BYTES)) {
      return this.#refuse(undefined);
    }
    if (end < 0) {
      this.#headBytes = before === 0 ? Buffer.from(chunk) : bytes;
      return true;
    }
    const head = parseResponseHead(bytes.subarray(0, end));
    return head === undefined
      ? this.#refuse(undefined)
      : this.#onResponse(head, bytes.subarray(end));
  }

  #onResponse(head: ResponseHead, rest: Buffer): boolean {
    const length =
      this.#options.request.method === 'HEAD' ? 0 : (bodyLengthOf(head) ?? lengthUnread(head));
    if (length === undefined) return this.#refuse(head.status);
    const { request, connection, settings, watchdog } = this.#options;
    this.#left = length === 'unread' ? 0 : length;
    this.#reusable = length !== 'unread' && keepsAlive(head);
    const pump = new BodyPump({
      source: {
        resume: () => connection.resume(),
        destroy: () => connection.destroy(),
        finished: () => this.#release(),
      },
      watchdog,
      stallTimeoutMs: settings.stallTimeoutMs,
      signal: request.signal,
      request,
    });
    this.#pump = pump;
    const { status, headers } = head;
    this.#outcome.resolve({ status, headers, url: request.url, via: 'direct', body: pump });
    return this.#onBody(pump, length === 'unread' ? rest.subarray(0, 0) : rest);
  }

  #onBody(pump: BodyPump, chunk: Buffer): boolean {
    const wanted = chunk.byteLength > this.#left ? chunk.subarray(0, this.#left) : chunk;
    // Bytes past the end answer nothing that was asked.
    if (wanted.byteLength < chunk.byteLength) this.#reusable = false;
    this.#left -= wanted.byteLength;
    const goOn = wanted.byteLength === 0 || pump.push(wanted);
    if (this.#left === 0) pump.end();
    return goOn;
  }

  /** After the last chunk was taken: before that, its memory is this connection's. */
  #release(): void {
    const { connection, release } = this.#options;
    if (this.#reusable && this.#left === 0) release(connection);
    else connection.destroy();
  }

  #refuse(status: number | undefined): boolean {
    this.#outcome.resolve({ kind: 'odd', status });
    this.#options.connection.destroy();
    return true;
  }

  #fail(reason: unknown): void {
    this.#outcome.reject(reason);
    this.#options.connection.destroy();
  }
}

/**
 * Redirects and challenges are all head: not worth a second request when their body is odd. Nor is
 * what says that this port speaks TLS: undici would cost 0.13 s of processor time to say the same.
 * Who has no room, or is in trouble, is not asked a second time at once just for words.
 */
function lengthUnread({ version, status }: ResponseHead): 'unread' | undefined {
  const isAllHead = status === 401 || (status >= 300 && status < 400);
  const isTrouble = status === 416 || status === 429 || status >= 500;
  return version === '1.0' || isAllHead || isTrouble ? 'unread' : undefined;
}

function formatRequest(request: HttpRequest): string {
  const { method, url, headers } = request;
  const lines = Object.entries({ host: url.host, connection: 'keep-alive', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const text = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}`;
  // URLs cannot carry line ends and fields are made here; a slip would be a second request.
  if (text.split('\r\n').length !== lines.length + 2 || /[^\t\r\n\x20-\x7e]/.test(text)) {
    throw new TypeError(`not fit for a request head: ${describeRequest(request)}`);
  }
  return `${text}\r\n`;
}
