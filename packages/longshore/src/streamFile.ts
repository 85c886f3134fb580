import { constants, createWriteStream, openSync, type WriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from './errors.ts';
import { ownDescriptor } from './fileSystem.ts';

const CHUNK_BYTES = 1024 * 1024;
/** How often is looked for a reader of a pipe that has none yet. */
const LOOK_MS = 50;

/**
 * Writes to what is there already (see `isStream`), and can be stopped while nobody reads.
 * @returns bytes written
 * @throws what `node:fs` and `node:net` throw; the reason of `signal`
 */
export async function writeToStream(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<number> {
  const sink = await openStream(path, signal);
  await pipeline(Readable.from(chunks), sink, signal === undefined ? {} : { signal });
  return sink.bytesWritten;
}

async function openStream(
  path: string,
  signal: AbortSignal | undefined,
): Promise<WriteStream | Socket> {
  // A write that waits for a reader would hold a thread that nothing can stop, not even the end of the process.
  const fd = await ownDescriptor(path);
  if ((await stat(path)).isFIFO()) return openPipe(path, { isOurs: fd !== undefined, signal });
  // Opened by its name it would begin at an offset of its own, and what is printed next would overwrite it.
  return fd === undefined
    ? createWriteStream(path, { flags: 'a', highWaterMark: CHUNK_BYTES })
    : createWriteStream('', { fd, autoClose: false, highWaterMark: CHUNK_BYTES });
}

/** @param options.isOurs - a pipe that this process was given: its reader has gone, if there is none */
async function openPipe(
  path: string,
  { isOurs, signal }: { readonly isOurs: boolean; readonly signal: AbortSignal | undefined },
): Promise<Socket> {
  for (;;) {
    signal?.throwIfAborted();
    const fd = tryOpen(path);
    if (fd !== undefined) return new Socket({ fd, readable: false, writable: true });
    if (isOurs) throw Object.assign(new Error('nobody reads'), { code: 'EPIPE' });
    await sleep(LOOK_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Does not wait: without a reader there is an error. */
function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENXIO') return undefined;
    throw error;
  }
}
