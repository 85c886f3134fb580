import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LongshoreError } from '../../errors.ts';
import { makeFolders } from '../../fileSystem.ts';
import { type Descriptor, type Digest, digestAlgorithm, digestHex } from '../../image/index.ts';
import { type Store, shareBlob } from '../../store/index.ts';
import { readImageContent } from './imageContent.ts';
import type { ImageSink } from './sink.ts';

/** `ustar` stands here in the first header of a tar. */
const USTAR_OFFSET = 257;
const HEAD_BYTES: number = USTAR_OFFSET + 5;

/**
 * A folder with one file a layer, over all images: `sha256-<hex>.tar.gz`, or the ending of what the
 * layer really is. There is no colon in the name because GNU tar takes what is before it for a host.
 */
export function createLayersSink(folder: string): ImageSink {
  return {
    name: `layers:${folder}`,
    async add({ descriptor }, { store, signal }) {
      await makeFolder(folder);
      const { manifests } = await readImageContent(store, descriptor);
      for (const layer of manifests.flatMap(({ layers }) => layers)) {
        signal.throwIfAborted();
        await placeLayer(store, layer, folder);
      }
    },
  };
}

async function placeLayer(store: Store, layer: Descriptor, folder: string): Promise<void> {
  const name = layerFileName(layer.digest, await readHead(store.blobPath(layer.digest)));
  const target = join(folder, name);
  if ((await sizeOf(target)) === layer.size) return;
  await shareBlob(store, layer.digest, target);
}

/**
 * The file name of a layer by what its first bytes are; media types are not always true. Pure.
 * @param head at least the first 262 bytes, or all there are
 */
export function layerFileName(digest: Digest, head: Uint8Array): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}${endingOf(head)}`;
}

const MAGIC: readonly (readonly [ending: string, bytes: readonly number[]])[] = [
  ['.tar.gz', [0x1f, 0x8b]],
  ['.tar.zst', [0x28, 0xb5, 0x2f, 0xfd]],
  ['.tar.bz2', [0x42, 0x5a, 0x68]],
  ['.tar.xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

function endingOf(head: Uint8Array): string {
  for (const [ending, bytes] of MAGIC) {
    if (bytes.every((byte, i) => head[i] === byte)) return ending;
  }
  const ustar = new TextDecoder('latin1').decode(head.subarray(USTAR_OFFSET, HEAD_BYTES));
  // A tar of nothing is two blocks of zeros, without any header.
  const empty = head.byteLength === HEAD_BYTES && head.every((byte) => byte === 0);
  return ustar === 'ustar' || empty ? '.tar' : '.bin';
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}

/** @throws LongshoreError `ERR_OUTPUT_NOT_WRITABLE` */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (cause) {
    throw new LongshoreError(`Cannot make the folder ${folder} (${errnoOf(cause) ?? 'unknown'})`, {
      code: 'ERR_OUTPUT_NOT_WRITABLE',
      origin: 'disk',
      hint: 'Choose another place for --to, or make it writable',
      cause,
    });
  }
}
