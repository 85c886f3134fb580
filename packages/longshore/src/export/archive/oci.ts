import type { ExportImage } from '../image.ts';
import type { LayerSource } from '../layer/source.ts';
import { type ArchiveFile, blobFile, layoutPath, textFile } from './file.ts';

export const OCI_LAYOUT: string = '{"imageLayoutVersion":"1.0.0"}';

/** An entry of a layout's `index.json`. */
interface LayoutEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: unknown;
}

/**
 * The image as an entry of an `index.json`. Named twice, because podman takes the whole name from
 * the first and containerd (so Docker, too) from the second.
 */
function layoutEntry(image: ExportImage): LayoutEntry {
  const { mediaType, digest, size } = image.descriptor;
  const { architecture, os, variant } = image.config;
  const { reference } = image;
  return {
    mediaType: image.manifest.mediaType || mediaType,
    digest,
    size,
    ...(reference === undefined
      ? {}
      : {
          annotations: {
            'io.containerd.image.name': reference,
            'org.opencontainers.image.ref.name': reference,
          },
        }),
    ...(architecture === '' || os === ''
      ? {}
      : { platform: { architecture, os, ...(variant === undefined ? {} : { variant }) } }),
  };
}

export function formatIndex(manifests: readonly LayoutEntry[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests,
    }),
  );
}

/** All files of a layout of this one image; of layers that are there twice, one. */
export function ociFiles(image: ExportImage, layers: readonly LayerSource[]): ArchiveFile[] {
  const blobs = new Map<string, ArchiveFile>();
  for (const source of layers) {
    const path = layoutPath(source.descriptor.digest);
    blobs.set(path, blobFile(path, source));
  }
  return [
    textFile('oci-layout', Buffer.from(OCI_LAYOUT)),
    textFile('index.json', formatIndex([layoutEntry(image)])),
    textFile(layoutPath(image.descriptor.digest), image.manifestBytes),
    textFile(layoutPath(image.manifest.config.digest), image.configBytes),
    ...blobs.values(),
  ];
}
