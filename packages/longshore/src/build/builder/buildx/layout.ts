import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Descriptor,
  digestOf,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from '../../../image/index.ts';
import type { Store } from '../../../store/index.ts';
import { builderGone } from '../failure.ts';

/**
 * OCI layouts that share their blobs, so that BuildKit sends a layer once however many images have
 * it, while each image has an `index.json` of its own: two builds that write to one lose an image
 * (buildah#5581).
 */
export class SharedLayouts {
  readonly #folder: string;
  readonly #store: Store;

  constructor(folder: string, store: Store) {
    this.#folder = folder;
    this.#store = store;
  }

  /** An empty layout for one image. */
  async make(folder: string): Promise<void> {
    await mkdir(join(this.#folder, 'blobs/sha256'), { recursive: true });
    await mkdir(folder);
    await symlink(join(this.#folder, 'blobs'), join(folder, 'blobs'));
  }

  /** What `oci-layout://` takes for an image of the store; its layers will not come back. */
  async offer(image: Descriptor): Promise<string> {
    const layout = join(this.#folder, 'store');
    await mkdir(join(this.#folder, 'blobs/sha256'), { recursive: true });
    await mkdir(layout, { recursive: true });
    await symlink(join(this.#store.path, 'blobs'), join(layout, 'blobs')).catch(() => undefined);
    for (const blob of await this.#blobsOf(image, (one) => this.#store.blobPath(one.digest))) {
      await symlink(this.#store.blobPath(blob.digest), this.#path(blob)).catch(() => undefined);
    }
    return `${layout}@${image.digest}`;
  }

  /**
   * Brings an image of a layout into the store, every byte verified.
   * @throws what the store throws; LongshoreError `ERR_BUILDER_GONE` when a blob is not there
   */
  async land(image: Descriptor, signal: AbortSignal): Promise<void> {
    const blobs = await this.#blobsOf(image, (one) => this.#path(one));
    for (const blob of [...blobs, image]) await this.#landBlob(blob, signal);
  }

  async #landBlob(blob: Descriptor, signal: AbortSignal): Promise<void> {
    const path = this.#path(blob);
    if (!(await this.#store.has(blob))) {
      const ingest = await this.#store.ingest(blob, { signal });
      if (ingest !== undefined) {
        try {
          let offset = 0;
          for await (const chunk of createReadStream(path, { highWaterMark: 512 * 1024, signal })) {
            await ingest.write(offset, chunk);
            offset += chunk.length;
          }
          await ingest.commit();
        } catch (error) {
          await ingest.discard();
          throw error;
        }
      }
    }
    // One copy on disk is enough, and BuildKit still finds it here.
    const link = `${path}.${process.hrtime.bigint()}`;
    await symlink(this.#store.blobPath(blob.digest), link);
    await rename(link, path);
  }

  /** All that an image or an index leads to, itself left out; inner ones before what leads to them. */
  async #blobsOf(
    image: Descriptor,
    pathOf: (blob: Descriptor) => string,
  ): Promise<readonly Descriptor[]> {
    const bytes = await readFile(pathOf(image)).catch((cause: unknown) => {
      throw builderGone('buildx', `left out a part of the image: ${image.digest}`, cause);
    });
    if (bytes.length > MAX_MANIFEST_BYTES || digestOf(bytes) !== image.digest) {
      throw builderGone('buildx', `left something else than what it says: ${image.digest}`);
    }
    const document = parseManifest(bytes, image.mediaType);
    if (document.kind === 'manifest') return [document.config, ...document.layers];
    const found: Descriptor[] = [];
    for (const child of document.manifests) {
      if (isIndexType(child.mediaType) || isManifestType(child.mediaType)) {
        found.push(...(await this.#blobsOf(child, pathOf)));
      }
      found.push(child);
    }
    return found;
  }

  #path({ digest }: Pick<Descriptor, 'digest'>): string {
    return join(this.#folder, 'blobs', digest.replace(':', '/'));
  }
}
