import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from './files.ts';

/** What `writeLayerImage` wrote. */
export interface LayerImage {
  /** An OCI image layout, for `skopeo copy oci:PATH:NAME`. */
  readonly path: string;
  readonly name: string;
  readonly manifestDigest: string;
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

export interface LayerImageOptions {
  /** @defaultValue `image` */
  readonly name?: string;
  /**
   * Repeat one MiB of noise instead of making new noise for every MiB: fast to make, and the digests
   * are as real. Layers still differ from each other.
   * @defaultValue false
   */
  readonly repeat?: boolean;
}

const MIB = 2 ** 20;
const TAR_BLOCK = 512;

/**
 * Writes an OCI image layout with one layer for each of `layerBytes`. A layer is a tar with one file
 * of noise, gzipped without compression: what real compressed layers are to a puller, bytes that
 * nothing shrinks, made at the speed of the disk.
 */
export async function writeLayerImage(
  path: string,
  layerBytes: readonly number[],
  options: LayerImageOptions = {},
): Promise<LayerImage> {
  const blobs = join(path, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const layers: Layer[] = [];
  for (const [index, bytes] of layerBytes.entries()) {
    layers.push(await writeLayer(blobs, { name: `layer-${index}`, bytes, ...options }));
  }
  const put = async (value: unknown): Promise<{ digest: string; size: number }> => {
    const text = Buffer.from(JSON.stringify(value));
    const digest = sha256(text);
    await writeFile(join(blobs, digest.slice('sha256:'.length)), text);
    return { digest, size: text.length };
  };
  const oci = (kind: string): string => `application/vnd.oci.image.${kind}`;
  const config = await put({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = await put({
    schemaVersion: 2,
    mediaType: oci('manifest.v1+json'),
    config: { mediaType: oci('config.v1+json'), ...config },
    layers: layers.map(({ digest, size }) => ({
      mediaType: oci('layer.v1.tar+gzip'),
      digest,
      size,
    })),
  });
  const name = options.name ?? 'image';
  const annotations = { 'org.opencontainers.image.ref.name': name };
  const entry = { mediaType: oci('manifest.v1+json'), ...manifest, annotations };
  await writeFile(
    join(path, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
  );
  await writeFile(join(path, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return { path, name, manifestDigest: manifest.digest, layers };
}

interface Layer {
  readonly digest: string;
  readonly diffId: string;
  readonly size: number;
}

async function writeLayer(
  blobs: string,
  { name, bytes, repeat = false }: { name: string; bytes: number; repeat?: boolean },
): Promise<Layer> {
  const temporary = join(blobs, `.${name}`);
  await using file = await open(temporary, 'w');
  const compressed = createHash('sha256');
  const plain = createHash('sha256');
  let size = 0;
  const writeTar = async (chunk: Buffer): Promise<void> => {
    plain.update(chunk);
    // One gzip member for each chunk: readers take members in a row as one stream.
    const member = gzipSync(chunk, { level: 0 });
    compressed.update(member);
    size += member.length;
    await file.writeFile(member);
  };
  await writeTar(tarHeader(name, bytes));
  const noise = randomBytes(Math.min(bytes, MIB));
  for (let left = bytes; left > 0; left -= MIB) {
    await writeTar((repeat ? noise : randomBytes(noise.length)).subarray(0, left));
  }
  await writeTar(Buffer.alloc(2 * TAR_BLOCK + ((TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK)));
  const hex = compressed.digest('hex');
  await rename(temporary, join(blobs, hex));
  return { digest: `sha256:${hex}`, diffId: `sha256:${plain.digest('hex')}`, size };
}

/** A ustar header of a regular file; sizes past 8 GiB do not fit into its octal field. */
function tarHeader(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
