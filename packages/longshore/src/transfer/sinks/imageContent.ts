import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';

/** Everything of an image that is in the store. */
export interface ImageContent {
  /** Indexes and manifests, the topmost first. */
  readonly documents: readonly Descriptor[];
  /** The image, or the images of an index. */
  readonly manifests: readonly Manifest[];
}

/**
 * Walks an image in the store. Entries of an index that are not there (other platforms) are left out.
 * @throws LongshoreError `ERR_BLOB_NOT_FOUND` when the topmost document is missing
 */
export async function readImageContent(store: Store, top: Descriptor): Promise<ImageContent> {
  const documents: Descriptor[] = [];
  const manifests: Manifest[] = [];
  const queue = [top];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    documents.push(next);
    const bytes = await store.read(next.digest, MAX_MANIFEST_BYTES);
    const document = parseManifest(bytes, next.mediaType);
    if (document.kind === 'manifest') {
      manifests.push(document);
      continue;
    }
    for (const child of document.manifests) {
      const known = isIndexType(child.mediaType) || isManifestType(child.mediaType);
      if (known && (await store.has(child))) queue.push(child);
    }
  }
  return { documents, manifests };
}
