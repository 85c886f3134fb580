import {
  createDigestHash,
  digestAlgorithm,
  digestHex,
  finishDigest,
  parseReference,
} from '../../image/index.ts';
import type { ExportImage } from '../image.ts';
import { decompress, detectCompression } from '../layer/decompress.ts';
import { inLayer, layerError } from '../layer/errors.ts';
import type { LayerSource } from '../layer/source.ts';
import { type ArchiveFile, blobFile, textFile } from './file.ts';

/**
 * The files of what `docker save` writes. Layers stay compressed with gzip, which `docker load`
 * has always read; those of zstd are unpacked, because Docker before 23.0 cannot read them here.
 */
export async function dockerFiles(
  image: ExportImage,
  layers: readonly LayerSource[],
  signal: AbortSignal | undefined,
): Promise<ArchiveFile[]> {
  const config = `${digestHex(image.manifest.config.digest)}.json`;
  const files = new Map<string, ArchiveFile>();
  const paths: string[] = [];
  for (const source of layers) {
    const file = await layerFile(source, signal);
    files.set(file.path, file);
    paths.push(file.path);
  }
  const manifest = [{ Config: config, RepoTags: repoTags(image.reference), Layers: paths }];
  return [
    textFile('manifest.json', Buffer.from(JSON.stringify(manifest))),
    textFile(config, image.configBytes),
    ...files.values(),
  ];
}

/**
 * The image's name, in full: Docker shortens it by itself, podman would put `localhost/` before a
 * short one. An image that is known by digest alone gets none.
 */
export function repoTags(reference: string | undefined): string[] | null {
  if (reference === undefined) return null;
  const { registry, repository, tag } = parseReference(reference);
  return tag === undefined ? null : [`${registry}/${repository}:${tag}`];
}

async function layerFile(
  source: LayerSource,
  signal: AbortSignal | undefined,
): Promise<ArchiveFile> {
  if ((await firstBytes(source, signal)) !== 'zstd') {
    return blobFile(`${digestHex(source.descriptor.digest)}.tar`, source);
  }
  try {
    const size = await plainSize(source, signal);
    return {
      path: `${digestHex(source.descriptor.digest)}.tar`,
      size,
      open: async (again) => decompress(await source.open(again)),
    };
  } catch (error) {
    throw inLayer(source.descriptor.digest, error);
  }
}

async function firstBytes(
  source: LayerSource,
  signal: AbortSignal | undefined,
): Promise<ReturnType<typeof detectCompression>> {
  let start = Buffer.alloc(0);
  for await (const chunk of await source.open(signal)) {
    start = Buffer.concat([start, chunk.subarray(0, 4)]);
    if (start.length >= 4) break;
  }
  return detectCompression(start);
}

/** A tar says how long a file is before it comes, so this one is read once for its length. */
async function plainSize(source: LayerSource, signal: AbortSignal | undefined): Promise<number> {
  const hash = createDigestHash(source.diffId ?? 'sha256');
  let size = 0;
  for await (const chunk of decompress(await source.open(signal))) {
    hash.update(chunk);
    size += chunk.length;
  }
  if (source.diffId !== undefined) {
    const found = finishDigest(digestAlgorithm(source.diffId), hash);
    if (found !== source.diffId) throw layerError('DIFF_ID', `It unpacks to ${found}`);
  }
  return size;
}
