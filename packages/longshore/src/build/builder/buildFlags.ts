import type { BuildTarget } from '../target.ts';

/** `--build-context` flags, as buildx and buildah both take them. */
export function contextFlags(
  { contexts }: BuildTarget,
  /** Names that `FROM` and `COPY --from` use, and where they are to be had: `oci-layout://DIR`. */
  bases: Iterable<readonly [name: string, address: string]>,
): readonly string[] {
  const named = new Map<string, string>();
  for (const [name, from] of Object.entries(contexts)) {
    if (from.kind === 'folder') named.set(name, from.path);
    if (from.kind === 'url') named.set(name, from.url);
    if (from.kind === 'image') named.set(name, `docker-image://${from.reference}`);
  }
  for (const [name, address] of bases) named.set(name, address);
  return Array.from(named, ([name, value]) => `--build-context=${name}=${value}`);
}

/** `--NAME=KEY=VALUE` for each. */
export function pairFlags(
  name: string,
  values: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(values).map(([key, value]) => `--${name}=${key}=${value}`);
}
