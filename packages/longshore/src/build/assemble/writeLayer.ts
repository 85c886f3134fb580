import { createHash, type Hash } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  constants,
  createGzip,
  createZstdCompress,
  gzipSync,
  type ZlibOptions,
  zstdCompressSync,
} from 'node:zlib';
import { type Descriptor, type Digest, finishDigest, MEDIA_TYPES } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import { type LayerMember, layerBytes } from './layerBytes.ts';

export interface LayerCompression {
  readonly kind: 'gzip' | 'zstd';
  readonly level: number;
}

export interface WriteLayerOptions {
  readonly store: Pick<Store, 'upload' | 'put'>;
  readonly compression: LayerCompression;
  readonly mtime: number;
  readonly signal: AbortSignal;
}

export interface WrittenLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** What compressors get at a time: their output must not depend on how the input came in pieces. */
const BLOCK_BYTES = 128 * 1024;

/** Writes a layer into the store, hashed on both sides of its compression as it passes. */
export async function writeLayer(
  members: readonly LayerMember[],
  options: WriteLayerOptions,
): Promise<WrittenLayer> {
  const diffHash = createHash('sha256');
  const blocks = hashed(toBlocks(layerBytes(members, options)), diffHash);
  const first = await blocks.next();
  const second = first.done === true ? first : await blocks.next();
  const mediaType =
    options.compression.kind === 'gzip' ? MEDIA_TYPES.ociLayerGzip : MEDIA_TYPES.ociLayerZstd;
  if (first.done !== true && second.done === true) {
    // Small: a stream and its threads would cost more than the compression.
    const bytes = compressSmall(first.value, options.compression);
    const descriptor = await options.store.put(mediaType, bytes);
    return { descriptor, diffId: finishDigest('sha256', diffHash) };
  }
  const { digest, size } = await upload(withFirst([first, second], blocks), options);
  return { descriptor: { mediaType, digest, size }, diffId: finishDigest('sha256', diffHash) };
}

async function* withFirst(
  first: readonly IteratorResult<Buffer, void>[],
  rest: AsyncGenerator<Buffer, void>,
): AsyncGenerator<Buffer> {
  try {
    for (const { done, value } of first) if (done !== true) yield value;
    yield* rest;
  } finally {
    await rest.return();
  }
}

async function upload(
  blocks: AsyncGenerator<Buffer>,
  options: WriteLayerOptions,
): Promise<{ digest: Digest; size: number }> {
  const target = await options.store.upload();
  try {
    const hash = createHash('sha256');
    let start = true;
    const { signal, compression } = options;
    const compressor = createCompressor(compression);
    await pipeline(
      Readable.from(blocks, { highWaterMark: 2 }),
      compressor,
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          if (start && compression.kind === 'gzip') maskSystem(chunk);
          start = false;
          hash.update(chunk);
          await target.write(chunk);
        }
      },
      { signal },
    );
    return await target.commit(finishDigest('sha256', hash));
  } finally {
    await target.abort();
  }
}

function createCompressor({ kind, level }: LayerCompression): Transform {
  const chunkSize = BLOCK_BYTES;
  if (kind === 'gzip') return createGzip({ level, chunkSize });
  return createZstdCompress({ params: zstdParams(level), chunkSize });
}

function compressSmall(block: Buffer, { kind, level }: LayerCompression): Buffer {
  if (kind === 'zstd') return zstdCompressSync(block, { params: zstdParams(level) });
  const options: ZlibOptions = { level };
  const bytes = gzipSync(block, options);
  maskSystem(bytes);
  return bytes;
}

function zstdParams(level: number): Record<number, number> {
  return { [constants.ZSTD_c_compressionLevel]: level };
}

/** Byte 9 of a gzip names the system that made it (RFC 1952); 255 is "unknown". */
function maskSystem(bytes: Buffer): void {
  bytes[9] = 0xff;
}

async function* toBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let block = Buffer.allocUnsafe(BLOCK_BYTES);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(block, used, at);
      at += copied;
      used += copied;
      if (used < BLOCK_BYTES) continue;
      yield block;
      block = Buffer.allocUnsafe(BLOCK_BYTES);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer, void> {
  for await (const block of source) {
    hash.update(block);
    yield block;
  }
}
