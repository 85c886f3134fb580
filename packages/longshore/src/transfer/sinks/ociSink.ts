import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  digestAlgorithm,
  digestHex,
  MEDIA_TYPES,
  manifestBlobs,
  readDescriptor,
} from '../../image/index.ts';
import { type Store, shareBlob, writeTwin } from '../../store/index.ts';
import { readImageContent } from './imageContent.ts';
import { makeFolder } from './layersSink.ts';
import type { ImageSink, StoredImage } from './sink.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const LAYOUT = '{"imageLayoutVersion":"1.0.0"}\n';
const MAX_TRIES = 5;

/**
 * A plain OCI image layout, such as skopeo and umoci write: images are added to what is there, one of
 * the same name is replaced. Blobs are linked from the store where the file system allows.
 */
export function createOciSink(folder: string): ImageSink {
  let turn: Promise<void> = Promise.resolve();
  return {
    name: `oci:${folder}`,
    async add({ name, descriptor: original }, { store, signal }) {
      await makeLayout(folder);
      // OCI tools do not take Docker's media types in a layout.
      const descriptor = (await writeTwin(store, original)) ?? original;
      const { documents, manifests } = await readImageContent(store, descriptor);
      const blobs = manifests.flatMap(manifestBlobs);
      // Blobs before the manifests that name them, the index of the layout last.
      for (const { digest, size } of [...blobs, ...documents.toReversed()]) {
        signal.throwIfAborted();
        await placeBlob(store, { digest, size }, folder);
      }
      const mine = turn.then(() => enter(folder, { name, descriptor }));
      turn = mine.catch(() => undefined);
      await mine;
    },
  };
}

async function makeLayout(folder: string): Promise<void> {
  for (const algorithm of ['sha256', 'sha512']) await makeFolder(join(folder, 'blobs', algorithm));
  try {
    await writeFile(join(folder, 'oci-layout'), LAYOUT, { flag: 'wx' });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function placeBlob(
  store: Store,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  folder: string,
): Promise<void> {
  const target = join(folder, 'blobs', digestAlgorithm(digest), digestHex(digest));
  try {
    if ((await stat(target)).size === size) return;
  } catch {
    // Not there yet.
  }
  await shareBlob(store, digest, target);
}

/** Another process may enter an image at the same moment; whoever finds its own missing tries again. */
async function enter(folder: string, image: StoredImage): Promise<void> {
  const path = join(folder, 'index.json');
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const others = (await readEntries(path)).filter((entry) => nameOf(entry) !== image.name);
    const entry = {
      ...image.descriptor,
      annotations: { ...image.descriptor.annotations, [REF_NAME]: image.name },
    };
    await writeIndex(path, [...others, entry]);
    if ((await readEntries(path)).some((found) => nameOf(found) === image.name)) return;
  }
  throw unusable(path, 'other processes keep writing it');
}

function nameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}

async function readEntries(path: string): Promise<Descriptor[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unusable(path, 'it cannot be read', error);
  }
  try {
    const { manifests } = JSON.parse(text) as { manifests?: unknown };
    if (!Array.isArray(manifests)) throw new TypeError('no manifests');
    return manifests.map((entry: unknown, i) => readDescriptor(entry, `manifests[${i}]`));
  } catch (error) {
    throw unusable(path, 'it is not the index of an OCI layout', error);
  }
}

async function writeIndex(path: string, manifests: readonly Descriptor[]): Promise<void> {
  const content = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  const temporary = join(dirname(path), `.index.json.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(`${JSON.stringify(content)}\n`);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

function unusable(path: string, why: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`Cannot use ${path}: ${why}`, {
    code: 'ERR_OUTPUT_INVALID',
    origin: 'disk',
    hint: 'Give --to oci: an empty folder, or an OCI image layout that other images may be added to',
    cause,
  });
}
