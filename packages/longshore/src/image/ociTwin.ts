import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { parseManifest } from './manifest.ts';
import { MEDIA_TYPES } from './mediaTypes.ts';

const OCI_NAMES: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPES.dockerManifest, MEDIA_TYPES.ociManifest],
  [MEDIA_TYPES.dockerManifestList, MEDIA_TYPES.ociIndex],
  [MEDIA_TYPES.dockerConfig, MEDIA_TYPES.ociConfig],
  [MEDIA_TYPES.dockerLayerGzip, MEDIA_TYPES.ociLayerGzip],
  ['application/vnd.docker.image.rootfs.diff.tar', MEDIA_TYPES.ociLayer],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', MEDIA_TYPES.ociLayerZstd],
  [
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ],
]);

/** True for manifests and lists of Docker's schema 2, which OCI tools do not take in a layout. */
export function isDockerDocument(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.dockerManifest || mediaType === MEDIA_TYPES.dockerManifestList;
}

/**
 * A manifest or list of Docker's schema 2 in the words of OCI: the same config and the same layers by
 * the same digests, under the media types that OCI tools look for. Everything else in it is kept. Pure;
 * equal input gives equal bytes.
 *
 * @param children twins of a list's entries, by the digest of the original; entries without one are
 *   left out, as a layout without their content could not serve them
 * @throws LongshoreError `ERR_MANIFEST_INVALID` and its kin
 */
export function ociTwin(
  bytes: Uint8Array,
  mediaType: string,
  children: ReadonlyMap<Digest, Descriptor> = new Map(),
): { readonly mediaType: string; readonly bytes: Uint8Array } {
  const document = parseManifest(bytes, mediaType);
  const original = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const type = OCI_NAMES.get(document.mediaType) ?? document.mediaType;
  const content =
    document.kind === 'manifest'
      ? { config: renamed(document.config), layers: document.layers.map(renamed) }
      : {
          manifests: document.manifests.flatMap((entry) => {
            const twin = children.get(entry.digest);
            return twin === undefined ? [] : [{ ...entry, ...twin }];
          }),
        };
  const text = JSON.stringify({ ...original, schemaVersion: 2, mediaType: type, ...content });
  return { mediaType: type, bytes: new TextEncoder().encode(text) };
}

function renamed(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: OCI_NAMES.get(descriptor.mediaType) ?? descriptor.mediaType };
}
