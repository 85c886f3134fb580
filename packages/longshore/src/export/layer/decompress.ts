import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { errnoOf } from '../../errors.ts';
import { layerError } from './errors.ts';
import { ZstdFrameCutter } from './zstdFrames.ts';

export type Compression = 'gzip' | 'zstd' | 'none';

/** Output of the decompressors arrives in pieces of this size; larger ones cost RSS, not time. */
const CHUNK_BYTES = 128 * 1024;

/** What content is compressed with, by its first bytes: media types of layers are often wrong. */
export function detectCompression(start: Buffer): Compression {
  if (start.length >= 2 && start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length < 4) return 'none';
  const magic = start.readUInt32LE(0);
  // A skippable frame may stand first.
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : 'none';
}

export interface DecompressOptions {
  /**
   * A piece is the caller's only until the next is asked for; then its memory is given back at once.
   * Waiting for the collector instead makes V8 mark its whole heap every 64 MB: a fifth of the
   * processor time of an export (measured, 2.5 GB of layers).
   * @defaultValue false
   */
  readonly lend?: boolean | undefined;
}

/**
 * The plain bytes of a layer, whatever it is compressed with.
 * @throws LongshoreError `ERR_LAYER_CORRUPT` for data that is damaged or cut
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { lend = false }: DecompressOptions = {},
): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  let done = false;
  try {
    while (start.length < 4 && !done) {
      const next = await iterator.next();
      if (next.done === true) done = true;
      else start = start.length === 0 ? toBuffer(next.value) : Buffer.concat([start, next.value]);
    }
    const whole = resume(start, iterator, done);
    const kind = detectCompression(start);
    if (kind === 'none') yield* whole;
    else {
      const options = { chunkSize: CHUNK_BYTES };
      const plain =
        kind === 'gzip'
          ? inflate(whole, createGunzip(options))
          : // Frames of zstd may ask for windows up to 128 MiB (level 22, `--long`); not for more.
            inflate(cutFrames(whole), createZstdDecompress(options));
      for await (const chunk of plain) {
        yield chunk;
        if (lend) giveBack(chunk);
      }
    }
  } finally {
    await iterator.return?.();
  }
}

async function* resume(
  start: Buffer,
  iterator: AsyncIterator<Uint8Array>,
  done: boolean,
): AsyncGenerator<Buffer> {
  if (start.length > 0) yield start;
  if (done) return;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return;
    yield toBuffer(next.value);
  }
}

async function* cutFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const cutter = new ZstdFrameCutter();
  for await (const chunk of source) yield* cutter.cut(chunk);
  cutter.end();
}

async function* inflate(source: AsyncIterable<Buffer>, codec: Transform): AsyncGenerator<Buffer> {
  const input = Readable.from(source, { objectMode: true, highWaterMark: 4 });
  input.on('error', (error) => codec.destroy(error));
  input.pipe(codec);
  try {
    for await (const chunk of codec) yield chunk;
  } catch (error) {
    const code = errnoOf(error);
    if (code?.startsWith('Z_') === true || code?.startsWith('ZSTD_') === true) {
      throw layerError('CORRUPT', 'Its compressed data is damaged or cut short', error);
    }
    throw error;
  } finally {
    input.destroy();
    codec.destroy();
  }
}

/** The codec fills one buffer after the other, and is done with one whose last bytes it has given. */
function giveBack({ buffer, byteOffset, byteLength }: Buffer): void {
  const isLast = byteOffset + byteLength === buffer.byteLength;
  if (isLast && buffer.byteLength === CHUNK_BYTES && buffer instanceof ArrayBuffer) {
    buffer.transfer(0);
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
