import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import { bareHostname, defaultPort } from '../endpoint.ts';
import { tls } from '../tls.ts';
import { type RecordBuffer, type RecordOwner, TLS_RECORD_BYTES } from './recordBuffer.ts';

/**
 * Largest read buffer of a plain connection. Measured on loopback, CPU for 604 MB hashed:
 * 64 KiB 0.90 s, 128 KiB 0.84 s, 256 KiB 0.85 s, 512 KiB 0.72 s, 1 MiB 0.66 s.
 */
const LARGEST_BUFFER_BYTES = 512 * 1024;
const SMALLEST_BUFFER_BYTES = 64 * 1024;
/** All plain connections together: many streams must not cost much more memory than a few. */
const BUFFERS_BYTES = 4 * 1024 * 1024;

/** Who gets what a connection reads. */
export interface Receiver {
  /**
   * Bytes have come. True when done with them; false to pause and keep them until `resume`.
   */
  onData(chunk: Buffer): boolean;
  /** No more will come. @param error `undefined` when the other side closed in order */
  onClosed(error: Error | undefined): void;
}

export interface ConnectOptions {
  readonly url: URL;
  readonly timeoutMs: number;
  /** Called for `https:` alone. */
  readonly secureContext: () => SecureContext;
  readonly signal: AbortSignal | undefined;
  /** The connection is in here from its first packet until it has closed. */
  readonly open: Set<Connection>;
  /** Of all TLS connections. */
  readonly records: RecordBuffer;
  /** How long the first round trip took, before any TLS. */
  readonly onConnected: (milliseconds: number) => void;
}

/**
 * A socket that reads into the same memory again and again: no Buffer is made for a chunk, which
 * is what most of a byte's cost is elsewhere (research/fastpath/README.md).
 */
export class Connection implements RecordOwner {
  readonly #socket: Socket;
  #receiver: Receiver | undefined;
  /** What the socket reads into. */
  readonly #buffer: Buffer;
  /** Of TLS, which hands over one record at a time. */
  readonly #records: RecordBuffer | undefined;
  /** The last chunk is still in use. */
  #held = false;
  /** Its memory, where that is not the socket's. */
  #kept: Buffer<ArrayBuffer> | undefined;
  #error: Error | undefined;
  #uses = 0;

  private constructor(options: ConnectOptions) {
    const { url, secureContext, open, records, onConnected } = options;
    const isTls = url.protocol === 'https:';
    this.#records = isTls ? records : undefined;
    const bytes = isTls ? TLS_RECORD_BYTES : plainBufferBytes(open.size + 1);
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    const onread: OnReadOpts = {
      buffer: this.#buffer,
      callback: (length) => this.#onRead(length),
    };
    // Loading what TLS needs is no part of the way to the server, nor is looking up its name.
    const context = isTls ? secureContext() : undefined;
    let startedAt = performance.now();
    this.#socket = openSocket(url, onread, context);
    this.#socket.once('lookup', () => {
      startedAt = performance.now();
    });
    this.#socket.once('connect', () => onConnected(performance.now() - startedAt));
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    open.add(this);
    this.#socket.on('close', () => {
      open.delete(this);
      this.#records?.flush(this);
      this.#receiver?.onClosed(this.#error);
    });
  }

  /** Opens a connection; rejects with the socket's error, or with the signal's reason. */
  static async open(options: ConnectOptions): Promise<Connection> {
    const { url, timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const connection = new Connection(options);
    const socket = connection.#socket;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal?.reason);
    const onClose = (): void => reject(connection.#error ?? closedEarly());
    const timer = setTimeout(() => reject(timedOut()), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('close', onClose);
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', resolve);
    try {
      await promise;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('close', onClose);
    }
    return connection;
  }

  /** False once the other side or we have closed it. */
  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && this.#socket.readable;
  }

  /** How many requests it has carried before the present one. */
  get uses(): number {
    return this.#uses - 1;
  }

  /** Sends a request; what comes from now on is the receiver's. */
  start(request: string, receiver: Receiver): void {
    this.#uses += 1;
    // What has come before it was asked for is no answer.
    if (this.#records?.holds(this) === true) this.#socket.destroy();
    this.#receiver = receiver;
    this.#socket.ref();
    this.#socket.write(request, 'latin1');
    this.resume();
  }

  /** Reads on; the memory of the chunk that was kept is free again. */
  resume(): void {
    this.#held = false;
    if (this.#kept !== undefined) this.#records?.free(this.#kept);
    this.#kept = undefined;
    this.#socket.resume();
  }

  /** The response is over. It reads on, to notice when the other side closes. */
  rest(onGone: () => void): void {
    this.#receiver = { onData: () => this.#refuse(), onClosed: onGone };
    this.#socket.unref();
    this.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Nobody has asked for anything: whatever this is, it is not the answer to the next request. */
  #refuse(): boolean {
    this.#socket.destroy();
    return true;
  }

  #onRead(length: number): boolean {
    const receiver = this.#receiver;
    if (receiver === undefined) return this.#refuse();
    const records = this.#records;
    // A plain socket reads nothing more until `resume`, so what is kept is safe where it is.
    if (records === undefined) return receiver.onData(this.#buffer.subarray(0, length));
    if (!this.#held) return records.add(this, this.#buffer, length);
    // TLS goes on with what it had received before it was told to stop: 64 KiB at most.
    receiver.onData(Buffer.from(this.#buffer.subarray(0, length)));
    return false;
  }

  take(gathered: Buffer<ArrayBuffer>): boolean {
    if (this.#receiver?.onData(gathered) !== false) return true;
    this.#held = true;
    this.#kept = gathered;
    this.#socket.pause();
    return false;
  }
}

/** Its share of the memory for all, as a power of two. */
function plainBufferBytes(connections: number): number {
  const share = 2 ** Math.floor(Math.log2(BUFFERS_BYTES / connections));
  return Math.min(LARGEST_BUFFER_BYTES, Math.max(SMALLEST_BUFFER_BYTES, share));
}

function openSocket(url: URL, onread: OnReadOpts, context: SecureContext | undefined): Socket {
  const host = bareHostname(url.hostname);
  const port = Number(url.port === '' ? defaultPort(url) : url.port);
  if (context === undefined) return connectTcp({ host, port, onread });
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    host,
    port,
    onread,
    secureContext: context,
    ALPNProtocols: ['http/1.1'],
    // A server name is a name: addresses are not allowed in it (RFC 6066).
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  return tls().connect(options);
}

/** The error for a connection that was closed in order, but too early. */
export function closedEarly(): NodeJS.ErrnoException {
  return Object.assign(new Error('closed by the other side'), { code: 'ECLOSED' });
}

/** In the code of the operating system, which may take minutes to say it itself. */
function timedOut(): NodeJS.ErrnoException {
  return Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
}

/** The connection stands, and nothing came over it; named as undici names it. */
export function unanswered(): NodeJS.ErrnoException {
  return Object.assign(new Error('no answer'), { code: 'UND_ERR_HEADERS_TIMEOUT' });
}
