import type { Digest } from '../image/index.ts';
import type { RegistryUploads, RepositoryAddress } from '../registry/index.ts';
import type { PushRegistry } from '../transfer/index.ts';
import type { BlobSpan } from './types.ts';

/** Cleaning up is no part of a run and must not hold the next one up for long. */
const CLEAN_TIMEOUT_MS = 10_000;

/** A registry as one cold push sees it, and what that push did there. */
export interface ColdTarget {
  readonly registry: PushRegistry;
  /** What went over the network, each blob once. */
  readonly uploads: readonly (Omit<BlobSpan, 'digest'> & { readonly digest: Digest })[];
  /**
   * Removes every manifest that was put, with its tags. Never fails.
   * @returns the repositories in which something stays, because the registry does not delete
   */
  clean(): Promise<readonly string[]>;
}

/**
 * Keeps a push cold: a mount from a repository that is not the run's own would move no bytes, so it is
 * declined here as a registry without mounts declines it. Remembers what is put, to remove it later.
 * @param own repositories that were made for this run, as `registry/path`
 */
export function coldTarget(
  registry: PushRegistry & Pick<RegistryUploads, 'deleteManifest'>,
  own: ReadonlySet<string>,
): ColdTarget {
  const begun = performance.now();
  const uploads = new Map<Digest, Omit<BlobSpan, 'digest'> & { readonly digest: Digest }>();
  const put = new Map<string, { readonly at: RepositoryAddress; readonly digest: Digest }>();
  const secondsSince = (): number => (performance.now() - begun) / 1000;
  return {
    registry: {
      ...registry,
      mountBlob: (repository, digest, options) =>
        own.has(`${repository.registry}/${options.from}`)
          ? registry.mountBlob(repository, digest, options)
          : registry.startUpload(repository, options),
      async uploadBlob(session, descriptor, sending) {
        const start = secondsSince();
        await registry.uploadBlob(session, descriptor, sending);
        const { digest, size } = descriptor;
        uploads.set(digest, { digest, bytes: size, start, end: secondsSince() });
      },
      putManifest(reference, manifest, options) {
        const { digest } = manifest.descriptor;
        const at = { registry: reference.registry, repository: reference.repository };
        put.set(`${nameOf(at)}@${digest}`, { at, digest });
        return registry.putManifest(reference, manifest, options);
      },
    },
    get uploads() {
      return [...uploads.values()];
    },
    async clean() {
      const signal = AbortSignal.timeout(CLEAN_TIMEOUT_MS);
      const left = new Set<string>();
      // An index goes before the images it names.
      for (const { at, digest } of [...put.values()].toReversed()) {
        if (left.has(nameOf(at))) continue;
        const gone = await registry.deleteManifest(at, digest, { signal }).catch(() => false);
        if (!gone) left.add(nameOf(at));
      }
      return [...left];
    },
  };
}

function nameOf({ registry, repository }: RepositoryAddress): string {
  return `${registry}/${repository}`;
}
