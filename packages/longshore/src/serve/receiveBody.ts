import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { FaultEffects } from './faults.ts';
import { watchPeer } from './peerWatch.ts';
import { flipByte } from './sendBody.ts';
import type { Flow } from './shaper.ts';

/** Where received chunks go; the store's `Upload` is one. */
export interface ByteSink {
  write(chunk: Uint8Array): undefined | Promise<void>;
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
  request.once('close', () => options.flow.close());
  let received = 0;
  try {
    for await (const chunk of chunksOf(request)) {
      const bytes = upToCut(chunk, received, options.effects);
      if (!(await passOn(request, { bytes, offset: received }, options))) return false;
      received += bytes.byteLength;
      if (bytes.byteLength < chunk.byteLength || isCut(received, options.effects)) {
        return await cutUpload(request, options.effects);
      }
    }
  } catch (error) {
    // What the sink throws is the sink's; a client that leaves is an end like another.
    if (request.destroyed && !request.complete) return false;
    throw error;
  }
  return request.complete;
}

/** Leaves the connection open when the loop ends early: the client is still owed an answer. */
function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false });
}

async function passOn(
  request: IncomingMessage,
  chunk: { readonly bytes: Uint8Array; readonly offset: number },
  { sink, flow, effects, onBytes }: ReceiveOptions,
): Promise<boolean> {
  const { bytes, offset } = chunk;
  if (effects.corruptAt !== undefined) flipByte(bytes, effects.corruptAt - offset);
  let sent = 0;
  while (sent < bytes.byteLength) {
    const granted = await takeWatched(request, flow, bytes.byteLength - sent);
    if (granted === 0) return false;
    const part = bytes.subarray(sent, sent + granted);
    const written = sink.write(part);
    if (written !== undefined) await written;
    onBytes(part.byteLength);
    sent += part.byteLength;
  }
  return true;
}

async function takeWatched(request: IncomingMessage, flow: Flow, want: number): Promise<number> {
  const granted = flow.take(want);
  if (typeof granted === 'number') return granted;
  using _watch = watchPeer(request.socket);
  return await granted;
}

function cutOffset({ resetAt, stallAt }: FaultEffects): number {
  return Math.min(resetAt ?? Number.POSITIVE_INFINITY, stallAt ?? Number.POSITIVE_INFINITY);
}

function isCut(received: number, effects: FaultEffects): boolean {
  return received >= cutOffset(effects);
}

function upToCut(chunk: Buffer, received: number, effects: FaultEffects): Buffer {
  const left = cutOffset(effects) - received;
  return left < chunk.byteLength ? chunk.subarray(0, left) : chunk;
}

async function cutUpload(request: IncomingMessage, effects: FaultEffects): Promise<false> {
  if (effects.resetAt === cutOffset(effects)) {
    request.socket.resetAndDestroy();
    return false;
  }
  using _watch = watchPeer(request.socket);
  if (!request.destroyed) await once(request, 'close');
  return false;
}
