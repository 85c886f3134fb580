import { createCipheriv, createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createDigestHash, type Digest, finishDigest } from '../image/index.ts';
import type { Store } from '../store/index.ts';

/** One layer of a seeded image: a tar with one file of noise. */
export interface SeedLayer {
  /** Bytes of the file; the blob is larger by 0.01 % and about 2 KiB. */
  readonly size: number;
  /** Equal seeds and sizes make equal layers. @defaultValue the layer's place in its image */
  readonly seed?: number | string;
}

export interface WrittenLayer {
  readonly digest: Digest;
  readonly size: number;
  /** Digest of the tar within. */
  readonly diffId: Digest;
  /** Bytes of the tar within. */
  readonly unpackedSize: number;
}

const TAR_BLOCK = 512;
const CHUNK_BYTES = 256 * 1024;
/** Largest stored block of deflate, RFC 1951, 3.2.4. */
const STORED_BYTES = 65_535;

/** Writes a layer into a store: a valid gzip of a valid tar, the same bytes on every machine. */
export async function writeSeedLayer(
  store: Store,
  layer: { readonly size: number; readonly seed: string },
): Promise<WrittenLayer> {
  const upload = await store.upload();
  const diff = createDigestHash('sha256');
  const blob = createDigestHash('sha256');
  let unpackedSize = 0;
  const tar = function* (): Generator<Uint8Array> {
    for (const chunk of tarOfNoise(layer)) {
      diff.update(chunk);
      unpackedSize += chunk.byteLength;
      yield chunk;
    }
  };
  for (const chunk of storedGzip(tar())) {
    blob.update(chunk);
    await upload.write(chunk);
  }
  const { digest, size } = await upload.commit(finishDigest('sha256', blob));
  return { digest, size, diffId: finishDigest('sha256', diff), unpackedSize };
}

function* tarOfNoise(layer: { size: number; seed: string }): Generator<Uint8Array> {
  const { size, seed } = layer;
  const name = `seed/${createHash('sha256').update(seed).digest('hex').slice(0, 16)}.bin`;
  yield tarHeader(name, size);
  yield* noise(seed, size);
  // The file is padded to whole blocks, and two empty ones end the archive.
  yield new Uint8Array(((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK) + 2 * TAR_BLOCK);
}

/** A ustar header of a plain file (POSIX.1-1988), dated to the epoch. */
function tarHeader(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, width: number): string =>
    `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  writeSize(header, size);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Octal up to 8 GiB, then GNU's big-endian binary with the top bit set. */
function writeSize(header: Buffer, size: number): void {
  const digits = size.toString(8).padStart(11, '0');
  if (digits.length === 11) {
    header.write(digits, 124);
    return;
  }
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
}

/** Incompressible bytes that a seed determines: the key stream of AES-128-CTR, 1 GB/s and more. */
export function* noise(seed: string, size: number): Generator<Uint8Array> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, size));
  for (let left = size; left > 0; left -= zeros.byteLength) {
    yield cipher.update(zeros.subarray(0, left));
  }
}

/**
 * Gzip (RFC 1952) of stored blocks. Noise does not compress, so deflating it would cost time for
 * nothing; and zlib's own output differs between versions, these bytes do not.
 */
export function* storedGzip(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
  let checksum = 0;
  let size = 0;
  for (const chunk of chunks) {
    checksum = crc32(chunk, checksum);
    size += chunk.byteLength;
    yield storedBlocks(chunk);
  }
  const end = Buffer.alloc(5 + 8);
  end.set([1, 0, 0, 0xff, 0xff]);
  end.writeUInt32LE(checksum, 5);
  end.writeUInt32LE(size % 2 ** 32, 9);
  yield end;
}

function storedBlocks(chunk: Uint8Array): Uint8Array {
  const blocks = Math.ceil(chunk.byteLength / STORED_BYTES);
  const out = Buffer.allocUnsafe(chunk.byteLength + 5 * blocks);
  for (let i = 0; i < blocks; i += 1) {
    const part = chunk.subarray(i * STORED_BYTES, (i + 1) * STORED_BYTES);
    const at = i * (STORED_BYTES + 5);
    out[at] = 0;
    out.writeUInt16LE(part.byteLength, at + 1);
    out.writeUInt16LE(part.byteLength ^ 0xffff, at + 3);
    out.set(part, at + 5);
  }
  return out;
}
