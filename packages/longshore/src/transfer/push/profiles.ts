/** What is known of a registry that it does not tell itself. */
export interface RegistryProfile {
  readonly name: string;
  /** Hosts that are it; `undefined` where no name gives it away. */
  readonly hosts: RegExp | undefined;
  /** False where every mount is declined: asking costs a request and an upload session. */
  readonly mounts: boolean;
  /** False where chunks go wrong; `--chunk-size` does not count there. */
  readonly chunks: boolean;
  /** What else a reader should know, and who says so. */
  readonly notes: string;
}

/**
 * Quirks of registries in use, as others have reported them; none of it was measured here. Everything
 * that can be found out while pushing is found out instead: widths, rates, declined mounts.
 */
export const REGISTRY_PROFILES: readonly RegistryProfile[] = [
  {
    name: 'GHCR',
    hosts: /^ghcr\.io$/,
    mounts: true,
    chunks: false,
    notes:
      'Several PATCHes corrupt a blob (ocync docs); 2,000 requests a minute for each account (ocync docs); ' +
      'Retry-After in units: "12.5ms" (docker/build-push-action#1194)',
  },
  {
    name: 'ECR',
    hosts: /(^public\.ecr\.aws$)|(\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$)/,
    mounts: true,
    chunks: true,
    notes:
      'Mounts only with BLOB_MOUNTING=ENABLED and a manifest in the source repository (ocync docs), else 202; ' +
      'a manifest may miss blobs just uploaded (ocync#104), so it is tried again; PutImage 10/s (ocync docs)',
  },
  {
    name: 'GAR',
    hosts: /(\.pkg\.dev$)|(^([a-z]+\.)?gcr\.io$)/,
    mounts: true,
    chunks: false,
    notes: 'No chunks (ocync docs); whether it mounts is disputed (rules_img: yes, ocync: no)',
  },
  {
    name: 'ACR',
    hosts: /\.azurecr\.(io|cn|us)$/,
    mounts: true,
    chunks: true,
    notes: 'Declines bodies without a length above some 20 MB (ocync docs); ours have one',
  },
  {
    name: 'Harbor',
    hosts: undefined,
    mounts: true,
    chunks: true,
    notes:
      '500 from 3 pushes on (harbor#12352), hangs for minutes (#20039), lost uploads with replicas ' +
      '(#22417); 1.9 and 1.10 with quotas refuse a PUT with a body (#11647): use chunks there',
  },
  {
    name: 'Quay',
    hosts: /^quay\.io$/,
    mounts: true,
    chunks: false,
    notes:
      'Chunks did not work in 2024 (oras-project/oras-py#137); a mount without "from" was a 400 before 2021 ' +
      '(quay#899), ours always has it',
  },
  {
    name: 'GitLab',
    hosts: /^registry\.gitlab\.com$/,
    mounts: true,
    chunks: true,
    notes: 'Built on distribution; nothing of its own found in the sources above',
  },
  {
    name: 'Artifactory',
    hosts: /\.jfrog\.io$/,
    mounts: false,
    chunks: true,
    notes:
      'Declines mounts (build.md); once wanted PATCH instead of a single PUT (containerd#3533)',
  },
];

const UNKNOWN: Pick<RegistryProfile, 'mounts' | 'chunks'> = { mounts: true, chunks: true };

/** @param registry host with an optional port, as references carry it */
export function findProfile(registry: string): RegistryProfile | undefined {
  const host = registry.toLowerCase().replace(/:\d+$/, '');
  return REGISTRY_PROFILES.find(({ hosts }) => hosts?.test(host));
}

/** @param registry as above */
export function profileOf(registry: string): Pick<RegistryProfile, 'mounts' | 'chunks'> {
  return findProfile(registry) ?? UNKNOWN;
}
