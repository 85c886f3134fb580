import { isLongshoreError } from '../errors.ts';
import {
  type Descriptor,
  type Digest,
  type Index,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from '../image/index.ts';
import type { Store } from '../store/index.ts';
import {
  digestReferenceName,
  pathOfRepository,
  type RepositoryName,
  readReference,
  referenceName,
} from './repositoryName.ts';

/** What is known to be in one repository. */
interface Holdings {
  readonly blobs: Set<Digest>;
  /** With what a referrers listing says of each. */
  readonly manifests: Map<Digest, ManifestFacts>;
  /** Deleted here while the store still has them. */
  readonly deleted: Set<Digest>;
}

export interface ManifestFacts {
  readonly descriptor: Descriptor;
  readonly subject: Digest | undefined;
}

export interface CatalogueOptions {
  readonly store: Store;
  readonly namespace: string;
  /** `shared` makes every blob of the store visible in every repository. */
  readonly visibility: 'strict' | 'shared';
}

/**
 * Which content belongs to which repository. The store knows references and blobs; what a
 * repository holds is what its references lead to, and what was pushed or mounted since.
 */
export class Catalogue {
  readonly #store: Store;
  readonly #options: CatalogueOptions;
  readonly #byName = new Map<string, Holdings>();

  constructor(options: CatalogueOptions) {
    this.#store = options.store;
    this.#options = options;
  }

  /** The size of a blob that is visible in a repository. */
  async blobSize(name: RepositoryName, digest: Digest): Promise<number | undefined> {
    const size = await this.#store.stat(digest);
    if (size === undefined || this.#holdings(name).deleted.has(digest)) return undefined;
    if (this.#options.visibility === 'shared') return size;
    return (await this.#holds(name, digest)) ? size : undefined;
  }

  async #holds(name: RepositoryName, digest: Digest): Promise<boolean> {
    const held = this.#holdings(name);
    if (held.blobs.has(digest)) return true;
    // Others write to the same store: a pull may have brought it a moment ago.
    await this.#follow(name);
    return held.blobs.has(digest);
  }

  addBlob(name: RepositoryName, digest: Digest): void {
    const held = this.#holdings(name);
    held.blobs.add(digest);
    held.deleted.delete(digest);
  }

  async removeBlob(name: RepositoryName, digest: Digest): Promise<boolean> {
    if ((await this.blobSize(name, digest)) === undefined) return false;
    const held = this.#holdings(name);
    held.blobs.delete(digest);
    held.deleted.add(digest);
    return true;
  }

  /** The manifest that a tag or a digest names in a repository. */
  async findManifest(name: RepositoryName, target: string): Promise<Descriptor | undefined> {
    const stored = referenceName(name, target);
    if (stored === undefined) return undefined;
    const found = await this.#store.getReference(stored);
    if (found !== undefined || !target.includes(':')) return found;
    return this.#manifestByDigest(name, target as Digest);
  }

  async #manifestByDigest(name: RepositoryName, digest: Digest): Promise<Descriptor | undefined> {
    const held = this.#holdings(name);
    if (held.deleted.has(digest)) return undefined;
    const known = held.manifests.get(digest);
    if (known !== undefined) return known.descriptor;
    if ((await this.#store.stat(digest)) === undefined) return undefined;
    if (this.#options.visibility === 'shared') return this.#readUnlisted(digest);
    await this.#follow(name);
    return held.manifests.get(digest)?.descriptor;
  }

  /** In a shared store any blob that reads as a manifest is one. */
  async #readUnlisted(digest: Digest): Promise<Descriptor | undefined> {
    const bytes = await this.#readSmall(digest);
    const manifest = bytes === undefined ? undefined : readManifest(bytes);
    if (bytes === undefined || manifest === undefined) return undefined;
    return { mediaType: manifest.mediaType, digest, size: bytes.byteLength };
  }

  /** Takes in a manifest that has been pushed. */
  async addManifest(
    name: RepositoryName,
    target: string,
    manifest: { readonly descriptor: Descriptor; readonly document: Manifest | Index },
  ): Promise<void> {
    const { descriptor, document } = manifest;
    const held = this.#holdings(name);
    held.deleted.delete(descriptor.digest);
    held.manifests.set(descriptor.digest, factsOf(descriptor, document));
    // A manifest without a tag needs a reference too, or a prune of the store would take it.
    const stored = target.includes(':')
      ? digestReferenceName(name, descriptor.digest)
      : referenceName(name, target);
    if (stored !== undefined) await this.#store.setReference(stored, descriptor);
  }

  /** Removes a tag, or a manifest with all its tags. */
  async removeManifest(name: RepositoryName, target: string): Promise<boolean> {
    const found = await this.findManifest(name, target);
    if (found === undefined) return false;
    if (!target.includes(':')) {
      const stored = referenceName(name, target);
      return stored !== undefined && (await this.#store.deleteReference(stored));
    }
    const held = this.#holdings(name);
    held.manifests.delete(found.digest);
    held.deleted.add(found.digest);
    for (const { name: stored, descriptor } of await this.#referencesOf(name)) {
      if (descriptor.digest === found.digest) await this.#store.deleteReference(stored);
    }
    return true;
  }

  /** Tags in lexical order; `undefined` when there is no such repository. */
  async tags(name: RepositoryName): Promise<readonly string[] | undefined> {
    const references = await this.#referencesOf(name);
    const held = this.#holdings(name);
    if (references.length === 0 && held.blobs.size === 0 && held.manifests.size === 0) {
      return undefined;
    }
    const tags = references.flatMap(({ name: stored }) => {
      // A name with both was pulled so, and says nothing of what the tag is here.
      const { tag, digest } = readReference(stored) ?? {};
      return tag === undefined || digest !== undefined ? [] : [tag];
    });
    return tags.sort(byCodeUnits);
  }

  /** Paths of all repositories, in lexical order. */
  async repositories(): Promise<readonly string[]> {
    const paths = new Set<string>();
    for (const { name } of await this.#store.references()) {
      const reference = readReference(name);
      if (reference === undefined) continue;
      const { registry, repository } = reference;
      paths.add(pathOfRepository(registry, repository, this.#options.namespace));
    }
    return [...paths].sort(byCodeUnits);
  }

  /** Manifests of the repository whose `subject` is the given one. */
  async referrers(name: RepositoryName, subject: Digest): Promise<readonly Descriptor[]> {
    await this.#follow(name);
    return [...this.#holdings(name).manifests.values()]
      .filter((facts) => facts.subject === subject)
      .map((facts) => facts.descriptor);
  }

  #holdings(name: RepositoryName): Holdings {
    const known = this.#byName.get(name.full);
    if (known !== undefined) return known;
    const fresh: Holdings = { blobs: new Set(), manifests: new Map(), deleted: new Set() };
    this.#byName.set(name.full, fresh);
    return fresh;
  }

  async #referencesOf(name: RepositoryName): Promise<{ name: string; descriptor: Descriptor }[]> {
    return (await this.#store.references()).filter(({ name: stored }) => {
      const next = stored.charAt(name.full.length);
      return stored.startsWith(name.full) && (next === ':' || next === '@');
    });
  }

  /** Walks from the references of a repository to all that they lead to and that is new. */
  async #follow(name: RepositoryName): Promise<void> {
    const held = this.#holdings(name);
    const left = (await this.#referencesOf(name)).map(({ descriptor }) => descriptor);
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (held.manifests.has(next.digest) || held.deleted.has(next.digest)) continue;
      const bytes = await this.#readSmall(next.digest);
      const document = bytes === undefined ? undefined : readManifest(bytes, next.mediaType);
      if (document === undefined) continue;
      held.manifests.set(next.digest, factsOf(next, document));
      for (const child of childrenOf(document)) {
        if (isManifestType(child.mediaType) || isIndexType(child.mediaType)) left.push(child);
        else if (!held.deleted.has(child.digest)) held.blobs.add(child.digest);
      }
    }
  }

  async #readSmall(digest: Digest): Promise<Uint8Array | undefined> {
    try {
      return await this.#store.read(digest, MAX_MANIFEST_BYTES);
    } catch (error) {
      if (isLongshoreError(error)) return undefined;
      throw error;
    }
  }
}

/** What a manifest or index is made of. */
export function childrenOf(document: Manifest | Index): readonly Descriptor[] {
  return document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
}

function readManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (isLongshoreError(error)) return undefined;
    throw error;
  }
}

function factsOf(descriptor: Descriptor, document: Manifest | Index): ManifestFacts {
  const { mediaType, digest, size } = descriptor;
  const fallback = document.kind === 'manifest' ? document.config.mediaType : undefined;
  const artifactType = document.artifactType ?? fallback;
  const { annotations, subject } = document;
  return {
    subject: subject?.digest,
    descriptor: {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  };
}

function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
