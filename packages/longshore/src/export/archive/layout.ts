import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, LongshoreError } from '../../errors.ts';
import type { Digest } from '../../image/index.ts';
import { type Store, shareBlob } from '../../store/index.ts';
import { diskError } from '../disk.ts';
import type { ExportImage } from '../image.ts';
import { detectCompression } from '../layer/decompress.ts';
import { layoutPath } from './file.ts';
import { formatIndex, type LayoutEntry, layoutEntry, OCI_LAYOUT } from './oci.ts';

type Blobs = Pick<Store, 'blobPath' | 'open'>;

/** One writer at a time for each `index.json` of this process; others replace it whole. */
const writers = new Map<string, Promise<unknown>>();

/**
 * Adds an image to an OCI layout, which is made when it is not there. Blobs that it has are left
 * as they are; the others are shared with the store where the file system can (`shareBlob`).
 * @returns bytes that were added
 */
export async function addToLayout(
  store: Blobs,
  image: ExportImage,
  directory: string,
): Promise<number> {
  let bytes = 0;
  const { config, layers } = image.manifest;
  try {
    await mkdir(directory, { recursive: true });
    for (const { digest } of [...layers, config, image.descriptor]) {
      bytes += await copyBlob(store, digest, join(directory, layoutPath(digest)));
    }
    await replace(join(directory, 'oci-layout'), Buffer.from(OCI_LAYOUT));
    await inTurn(directory, () => addToIndex(directory, layoutEntry(image)));
  } catch (error) {
    throw diskError(directory, error);
  }
  return bytes;
}

/**
 * Writes the layers of an image as `<digest>.tar.gz` (or `.tar.zst`, `.tar`), the names by which
 * the first Singularity looked for them.
 * @returns bytes that were added
 */
export async function copyLayers(
  store: Blobs,
  image: ExportImage,
  directory: string,
): Promise<number> {
  let bytes = 0;
  try {
    await mkdir(directory, { recursive: true });
    for (const { digest } of image.manifest.layers) {
      const name = `${digest}.${await extension(store, digest)}`;
      bytes += await copyBlob(store, digest, join(directory, name));
    }
  } catch (error) {
    throw diskError(directory, error);
  }
  return bytes;
}

const EXTENSIONS = { gzip: 'tar.gz', zstd: 'tar.zst', none: 'tar' } as const;

async function extension(store: Blobs, digest: Digest): Promise<string> {
  let start = Buffer.alloc(0);
  for await (const chunk of await store.open(digest, { start: 0, end: 4 })) {
    start = Buffer.concat([start, Buffer.from(chunk)]);
  }
  return EXTENSIONS[detectCompression(start)];
}

async function copyBlob(store: Blobs, digest: Digest, target: string): Promise<number> {
  const size = await sizeOf(store.blobPath(digest));
  if (size !== undefined && (await sizeOf(target)) === size) return 0;
  await mkdir(dirname(target), { recursive: true });
  await shareBlob(store, digest, target);
  return size ?? 0;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function inTurn(directory: string, write: () => Promise<void>): Promise<void> {
  const turn = (writers.get(directory) ?? Promise.resolve()).then(write, write);
  writers.set(directory, turn);
  try {
    await turn;
  } finally {
    if (writers.get(directory) === turn) writers.delete(directory);
  }
}

async function addToIndex(directory: string, entry: LayoutEntry): Promise<void> {
  const path = join(directory, 'index.json');
  const others = (await readIndex(path)).filter((other) => !isSame(other, entry));
  await replace(path, formatIndex([...others, entry]));
}

const NAME = 'org.opencontainers.image.ref.name';

/** A name leads to one image; without names, the digest tells. */
function isSame(a: LayoutEntry, b: LayoutEntry): boolean {
  const name = b.annotations?.[NAME];
  return name === undefined ? a.digest === b.digest : a.annotations?.[NAME] === name;
}

async function readIndex(path: string): Promise<LayoutEntry[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'manifests' in value) {
      const { manifests } = value;
      if (Array.isArray(manifests)) return manifests.filter(isEntry);
    }
  } catch {
    // Falls through to the same message as for JSON of another shape.
  }
  throw new LongshoreError(`${path} is not the index of an OCI layout`, {
    code: 'ERR_OUTPUT_EXISTS',
    origin: 'input',
    hint: 'Name another directory',
  });
}

function isEntry(value: unknown): value is LayoutEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'digest' in value &&
    typeof value.digest === 'string'
  );
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;
  await writeFile(partial, bytes, { flag: 'wx' });
  await rename(partial, path);
}
