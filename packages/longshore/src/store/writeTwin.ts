import { isLongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  isDockerDocument,
  MAX_MANIFEST_BYTES,
  ociTwin,
  parseManifest,
} from '../image/index.ts';
import type { Store } from './types.ts';

/**
 * Puts the OCI twin of an image of Docker's schema 2 beside it, so that the layout's index can name
 * something that skopeo and umoci read. The original stays what the reference means.
 * @returns `undefined` for what is OCI already, and where the manifest is not in the store
 */
export async function writeTwin(
  store: Pick<Store, 'read' | 'put'>,
  descriptor: Descriptor,
): Promise<Descriptor | undefined> {
  const { mediaType, digest, platform } = descriptor;
  if (!isDockerDocument(mediaType)) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = await store.read(digest, MAX_MANIFEST_BYTES);
  } catch (error) {
    if (isLongshoreError(error) && error.code === 'ERR_BLOB_NOT_FOUND') return undefined;
    throw error;
  }
  const document = parseManifest(bytes, mediaType);
  const children = new Map<Digest, Descriptor>();
  if (document.kind === 'index') {
    for (const entry of document.manifests) {
      const twin = await writeTwin(store, entry);
      if (twin !== undefined) children.set(entry.digest, twin);
    }
  }
  const twin = ociTwin(bytes, mediaType, children);
  const written = await store.put(twin.mediaType, twin.bytes);
  return platform === undefined ? written : { ...written, platform };
}
