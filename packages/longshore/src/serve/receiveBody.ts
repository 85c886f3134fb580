import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { giveBack } from '../giveBack.ts';
import type { FaultEffects } from './faults.ts';
import { watchPeer } from './peerWatch.ts';
import { flipByte } from './sendBody.ts';
import type { Flow } from './shaper.ts';

/**
 * What a chunked upload asks for, which cannot say how much is left; more than one share of any
 * rate that loopback can reach, since it gets one share a tick.
 */
const UNKNOWN_REST = 64 * 1024 * 1024;

/** Where received chunks go; the store's `Upload` is one. */
export interface ByteSink {
  /** The chunk is lent until this is done, unless the sink keeps what it gets. */
  write(chunk: Uint8Array): undefined | Promise<void>;
  readonly keeps?: boolean;
}

export interface ReceiveOptions {
  readonly sink: ByteSink;
  readonly flow: Flow;
  readonly effects: FaultEffects;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Takes in a request's body, as fast as the flow and the sink allow; the client feels it through
 * TCP, once the kernel's buffers (some MB on loopback) are full.
 * @returns false when the client left before its end; what came before is in the sink
 */
export async function receiveBody(
  request: IncomingMessage,
  options: ReceiveOptions,
): Promise<boolean> {
  const { socket } = request;
  // The request's own `close` comes as soon as its last chunk is read, which may still have to wait.
  const letGo = (): void => options.flow.close();
  socket.once('close', letGo);
  try {
    return await new Receiver(request, options).run();
  } catch (error) {
    // What the sink throws is the sink's; a client that leaves is an end like another.
    if (request.destroyed && !request.complete) return false;
    throw error;
  } finally {
    socket.off('close', letGo);
  }
}

class Receiver {
  readonly #request: IncomingMessage;
  readonly #options: ReceiveOptions;
  #received = 0;
  /** Granted and not used yet: a chunk is smaller than what a fast body may move at a time. */
  #credit = 0;

  constructor(request: IncomingMessage, options: ReceiveOptions) {
    this.#request = request;
    this.#options = options;
  }

  async run(): Promise<boolean> {
    const { effects } = this.#options;
    const cut = Math.min(effects.resetAt ?? Infinity, effects.stallAt ?? Infinity);
    for await (const chunk of chunksOf(this.#request)) {
      const bytes = chunk.subarray(0, Math.min(chunk.byteLength, cut - this.#received));
      if (effects.corruptAt !== undefined) flipByte(bytes, effects.corruptAt - this.#received);
      if (!(await this.#passOn(bytes))) return false;
      if (this.#options.sink.keeps !== true) giveBack(chunk);
      if (this.#received >= cut) return await this.#cut(effects.resetAt === cut);
    }
    return this.#request.complete;
  }

  async #passOn(bytes: Uint8Array): Promise<boolean> {
    const { sink, onBytes } = this.#options;
    let sent = 0;
    while (sent < bytes.byteLength) {
      if (this.#credit === 0) this.#credit = await this.#take();
      if (this.#credit === 0) return false;
      const part = bytes.subarray(sent, sent + this.#credit);
      const written = sink.write(part);
      if (written !== undefined) await written;
      onBytes(part.byteLength);
      this.#credit -= part.byteLength;
      this.#received += part.byteLength;
      sent += part.byteLength;
    }
    return true;
  }

  async #take(): Promise<number> {
    const length = this.#request.headers['content-length'];
    const left = length === undefined ? UNKNOWN_REST : Number(length) - this.#received;
    const granted = this.#options.flow.take(Math.max(1, left));
    if (typeof granted === 'number') return granted;
    using _watch = watchPeer(this.#request.socket);
    return await granted;
  }

  async #cut(resets: boolean): Promise<false> {
    const { socket } = this.#request;
    if (resets) socket.resetAndDestroy();
    using _watch = watchPeer(socket);
    if (!socket.destroyed) await once(socket, 'close');
    return false;
  }
}

/** Leaves the connection open when the loop ends early: the client is still owed an answer. */
function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}
