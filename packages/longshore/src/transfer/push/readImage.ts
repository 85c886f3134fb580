import { LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  type Digest,
  type Index,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
  shortDigest,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';
import { uniqueBlobs } from '../plan.ts';

/** Deeper nesting of indexes is refused, as it is when pulling. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;

/** A manifest of the store with what it needs, children first. */
export interface ImageNode {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly subject: Descriptor | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly children: readonly ImageNode[];
  /** Config and layers that the registry has to have, each once. */
  readonly blobs: readonly Descriptor[];
}

/**
 * Reads an image of the store and everything below it.
 * @throws LongshoreError `ERR_IMAGE_INCOMPLETE`, `ERR_INDEX_TOO_DEEP`, `ERR_MANIFEST_INVALID`
 */
export async function readImage(
  descriptor: Descriptor,
  store: Pick<Store, 'has' | 'read'>,
): Promise<ImageNode> {
  let budget = MAX_MANIFESTS;

  async function read(at: Descriptor, depth: number): Promise<ImageNode> {
    budget -= 1;
    if (depth > MAX_DEPTH || budget < 0) throw tooDeep(descriptor);
    if (!(await store.has(at))) throw incomplete(descriptor, at, depth > 0);
    const bytes = await store.read(at.digest, MAX_MANIFEST_BYTES);
    const document = parseManifest(bytes, at.mediaType);
    const isNode = ({ mediaType }: Descriptor): boolean =>
      isIndexType(mediaType) || isManifestType(mediaType);
    const below = document.kind === 'index' ? document.manifests : [];
    const children: ImageNode[] = [];
    for (const child of below.filter(isNode)) children.push(await read(child, depth + 1));
    const blobs = await present(
      document.kind === 'index'
        ? below.filter((entry) => !isNode(entry))
        : [document.config, ...document.layers],
    );
    return {
      descriptor: { ...at, mediaType: document.mediaType },
      bytes,
      ...described(document),
      children,
      blobs,
    };
  }

  /** Foreign layers come from elsewhere: they are pushed where they were kept, and not missed else. */
  async function present(blobs: readonly Descriptor[]): Promise<Descriptor[]> {
    const unique = uniqueBlobs(blobs);
    const held = await Promise.all(unique.map((blob) => store.has(blob)));
    return unique.filter((blob, i) => {
      if (held[i] === true) return true;
      if (blob.urls !== undefined && blob.urls.length > 0) return false;
      throw incomplete(descriptor, blob, false);
    });
  }

  return read(descriptor, 0);
}

function described(
  document: Manifest | Index,
): Pick<ImageNode, 'subject' | 'artifactType' | 'annotations'> {
  const config = document.kind === 'manifest' ? document.config.mediaType : undefined;
  return {
    subject: document.subject,
    artifactType: document.artifactType ?? config,
    annotations: document.annotations,
  };
}

/** Digests of an image and of all images in it: what referrers may refer to. */
export function manifestsOf(node: ImageNode): Digest[] {
  return [node.descriptor.digest, ...node.children.flatMap(manifestsOf)];
}

function incomplete(image: Descriptor, missing: Descriptor, isChild: boolean): LongshoreError {
  const what = isChild ? 'image' : 'blob';
  return new LongshoreError(
    `The store has not all of ${shortDigest(image.digest)}: ${what} ${shortDigest(missing.digest)} is missing`,
    {
      code: 'ERR_IMAGE_INCOMPLETE',
      origin: 'store',
      hint: isChild
        ? 'Pull it again with --platform all, or push a single platform of it'
        : 'Pull or build it again',
    },
  );
}

function tooDeep({ digest }: Descriptor): LongshoreError {
  return new LongshoreError(
    `${shortDigest(digest)} nests more indexes than ${MAX_DEPTH}, or has more than ${MAX_MANIFESTS} manifests`,
    { code: 'ERR_INDEX_TOO_DEEP', origin: 'input' },
  );
}
