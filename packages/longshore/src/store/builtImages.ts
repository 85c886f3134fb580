import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Descriptor, parseDigest } from '../image/index.ts';
import { listFolder, removeQuietly, replaceFile, storeModes } from './files.ts';
import { blobFile, layoutOf, type StoreLayout } from './layout.ts';
import { exists, makeFolder } from './storeFormat.ts';

const SUFFIX = '.json';

/**
 * Images of a store by what they were made of. A record says no more than that: its image need not
 * be whole any more.
 */
export class BuiltImages {
  readonly #layout: StoreLayout;

  constructor(storePath: string) {
    this.#layout = layoutOf(storePath);
  }

  /** @param key hex digits @returns nothing where there is no record, or none that can be read */
  async find(key: string): Promise<Descriptor | undefined> {
    return readRecord(this.#file(key));
  }

  /** @throws LongshoreError `ERR_DISK_FULL`, `ERR_STORE_NOT_WRITABLE`, `ERR_STORE_WRITE` */
  async remember(key: string, { mediaType, digest, size }: Descriptor): Promise<void> {
    const modes = await storeModes(this.#layout.root);
    await makeFolder(this.#layout.builds, modes.directory);
    const record = JSON.stringify({ mediaType, digest, size });
    await replaceFile(this.#file(key), record, { mode: modes.file });
  }

  #file(key: string): string {
    return join(this.#layout.builds, `${key}${SUFFIX}`);
  }
}

/** Removes records of images that are gone; those that it may not read or remove stay. */
export async function pruneBuiltImages(layout: StoreLayout): Promise<void> {
  for (const name of await listFolder(layout.builds)) {
    if (!name.endsWith(SUFFIX)) continue;
    const path = join(layout.builds, name);
    const image = await readRecord(path);
    const isThere = image !== undefined && (await exists(blobFile(layout, image.digest)));
    if (!isThere) await removeQuietly(path);
  }
}

async function readRecord(path: string): Promise<Descriptor | undefined> {
  try {
    const { mediaType, digest, size } = Object(JSON.parse(await readFile(path, 'utf8')));
    if (typeof mediaType !== 'string' || typeof digest !== 'string') return undefined;
    return Number.isSafeInteger(size)
      ? { mediaType, digest: parseDigest(digest), size }
      : undefined;
  } catch {
    return undefined;
  }
}
