import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from '../../image/index.ts';
import type { Store } from '../../store/index.ts';

/** What a descriptor leads to, as far as a store has it. */
export interface Content {
  /** Manifests, configs and layers that are there, the outermost manifest last. */
  readonly present: readonly Descriptor[];
  /** What is named and is not there. Images of an index for other platforms are not among these. */
  readonly missing: readonly Descriptor[];
}

/** Follows a descriptor down to its layers. An index is complete with one of its images. */
export async function collectContent(
  store: Pick<Store, 'has' | 'read'>,
  root: Descriptor,
): Promise<Content> {
  if (!(await store.has(root))) return { present: [], missing: [root] };
  if (!isIndexType(root.mediaType) && !isManifestType(root.mediaType)) {
    return { present: [root], missing: [] };
  }
  const manifest = parseManifest(await store.read(root.digest, MAX_MANIFEST_BYTES), root.mediaType);
  const children =
    manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
  const parts = await Promise.all(children.map((child) => collectContent(store, child)));
  const present = parts.flatMap((part) => part.present);
  const missing = parts.flatMap((part, i) => {
    const isOtherPlatform = manifest.kind === 'index' && part.present.length === 0;
    return isOtherPlatform && children[i] === part.missing[0] ? [] : part.missing;
  });
  const nothingOf = manifest.kind === 'index' && children.length > 0 && present.length === 0;
  return { present: [...present, root], missing: nothingOf ? [...children] : missing };
}

/**
 * What a store holds in whole images, for the other side of an air gap to leave out: digests in
 * order, one a line. `parseInventory` reads it.
 */
export async function formatInventory(
  store: Pick<Store, 'has' | 'read' | 'references'>,
): Promise<string> {
  const digests = new Set<string>();
  for (const { descriptor } of await store.references()) {
    const { present } = await collectContent(store, descriptor);
    for (const { digest } of present) digests.add(digest);
  }
  return [...digests]
    .toSorted()
    .map((digest) => `${digest}\n`)
    .join('');
}
