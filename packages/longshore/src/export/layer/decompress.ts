import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { errnoOf } from '../../errors.ts';
import { giveBack } from '../../giveBack.ts';
import { layerError } from './errors.ts';
import type { LayerSource, ReadOptions } from './source.ts';
import { ZstdFrameCutter } from './zstdFrames.ts';

export type Compression = 'gzip' | 'zstd' | 'none';

/** Output of the decompressors arrives in pieces of this size; larger ones cost RSS, not time. */
const CHUNK_BYTES = 128 * 1024;
/**
 * Pieces that are decompressed while the reader is at work on what came before. Counted as objects:
 * a stream of bytes would copy all that wait into one.
 */
const AHEAD = { readableObjectMode: true, readableHighWaterMark: 4 } as const;

/** What content is compressed with, by its first bytes: media types of layers are often wrong. */
export function detectCompression(start: Buffer): Compression {
  if (start.length >= 2 && start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length < 4) return 'none';
  const magic = start.readUInt32LE(0);
  // A skippable frame may stand first.
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : 'none';
}

/**
 * The plain bytes of a layer, whatever it is compressed with.
 * @throws LongshoreError `ERR_LAYER_CORRUPT` for data that is damaged or cut
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { lend = false }: ReadOptions = {},
): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  let done = false;
  try {
    while (start.length < 4 && !done) {
      const { value, done: isLast = false } = await iterator.next();
      done = isLast;
      if (value !== undefined) {
        const isEnough = start.length === 0 && value.length >= 4;
        start = isEnough ? toBuffer(value) : Buffer.concat([start, value]);
      }
    }
    const whole = resume(start, iterator, done);
    const kind = detectCompression(start);
    const options = { chunkSize: CHUNK_BYTES, ...AHEAD };
    if (kind === 'none') yield* whole;
    else {
      const plain =
        kind === 'gzip'
          ? inflate(whole, createGunzip(options))
          : // Frames of zstd may ask for windows up to 128 MiB (level 22, `--long`); not for more.
            inflate(cutFrames(whole), createZstdDecompress(options));
      for await (const piece of plain) {
        yield piece;
        // What was not compressed is the source's, to be given back by whoever made it.
        if (lend) giveBack(piece);
      }
    }
  } finally {
    await iterator.return?.();
  }
}

/**
 * The plain bytes of a layer for a reader that keeps none of them: a piece is the caller's only
 * until the next is asked for.
 * @throws what `decompress` throws
 */
export async function* lendPlain(
  source: LayerSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  yield* decompress(await source.open(signal, { lend: true }), { lend: true });
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

/** A piece of the source is done with when the next is asked for. */
async function* inflate(source: AsyncIterable<Buffer>, codec: Transform): AsyncGenerator<Buffer> {
  void feed(source, codec);
  try {
    for await (const chunk of codec) yield chunk;
  } catch (error) {
    const code = errnoOf(error);
    if (code?.startsWith('Z_') === true || code?.startsWith('ZSTD_') === true) {
      throw layerError('CORRUPT', 'Its compressed data is damaged or cut short', error);
    }
    throw error;
  } finally {
    codec.destroy();
  }
}

/** Never rejects: what goes wrong is the codec's error. */
async function feed(source: AsyncIterable<Buffer>, codec: Transform): Promise<void> {
  let wake = (): void => undefined;
  // A codec that is destroyed may never say that it took what it was given.
  codec.once('close', () => wake());
  try {
    for await (const chunk of source) {
      if (codec.destroyed) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        codec.write(chunk, () => resolve());
      });
      if (codec.destroyed) return;
    }
    codec.end();
  } catch (error) {
    codec.destroy(error instanceof Error ? error : new Error(String(error), { cause: error }));
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
