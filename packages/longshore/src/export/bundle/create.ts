import { LongshoreError } from '../../errors.ts';
import type { Descriptor } from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import { type ArchiveFile, layoutPath, textFile, writeTarFile } from '../archive/file.ts';
import { formatIndex, OCI_LAYOUT } from '../archive/oci.ts';
import { collectContent } from './content.ts';
import type { LockedImage } from './lock.ts';

export interface CreateBundleRequest {
  readonly store: Pick<Store, 'has' | 'read' | 'open'>;
  readonly images: readonly LockedImage[];
  /** Digests that the other side has; they are left out. See `parseInventory`. */
  readonly inventory?: ReadonlySet<string> | undefined;
  /** File to write, or a pipe or device to write to. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

export interface CreateBundleResult {
  readonly bytes: number;
  /** Blobs in the bundle, and blobs left out because the other side has them. */
  readonly blobs: number;
  readonly leftOut: number;
}

/**
 * Packs images into one file: an OCI layout in a tar, which other tools can read, too, when no
 * inventory has made it smaller.
 * @throws LongshoreError `ERR_BUNDLE_INCOMPLETE` when the store lacks part of an image,
 *   `ERR_DISK_FULL`, `ERR_OUTPUT_WRITE`
 */
export async function createBundle(request: CreateBundleRequest): Promise<CreateBundleResult> {
  const { store, images, path, inventory = new Set<string>() } = request;
  const wanted = new Map<string, Descriptor>();
  for (const { reference, descriptor } of images) {
    const { present, missing } = await collectContent(store, descriptor);
    if (missing.length > 0) throw incomplete(reference, missing);
    for (const part of present) wanted.set(part.digest, part);
  }
  const packed = [...wanted.values()].filter(({ digest }) => !inventory.has(digest));
  const files: ArchiveFile[] = [
    textFile('oci-layout', Buffer.from(OCI_LAYOUT)),
    textFile('index.json', formatIndex(images.map(toEntry))),
    ...packed.map((part) => ({
      path: layoutPath(part.digest),
      size: part.size,
      open: async (signal?: AbortSignal) => bytesOf(await store.open(part.digest, { signal })),
    })),
  ];
  const { signal } = request;
  const bytes = await writeTarFile(path, files, { mode: 0o644, signal });
  return {
    bytes,
    blobs: packed.length,
    leftOut: wanted.size - packed.length,
  };
}

async function* bytesOf(stream: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
}

function toEntry({ reference, descriptor }: LockedImage): Parameters<typeof formatIndex>[0][0] {
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    annotations: {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': reference,
    },
  };
}

function incomplete(reference: string, missing: readonly Descriptor[]): LongshoreError {
  return new LongshoreError(
    `${reference} is not complete in this store: ${missing.length} blobs are missing, the first is ${missing[0]?.digest}`,
    {
      code: 'ERR_BUNDLE_INCOMPLETE',
      origin: 'store',
      hint: `Pull it first: longshore pull ${reference}`,
    },
  );
}
