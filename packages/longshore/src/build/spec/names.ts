import { isRegistryHost, parseReference } from '../../image/index.ts';

/** What `--registry` and `--tag` do to the names of images. */
export interface Naming {
  /** `ghcr.io/owner`: for names that name no registry themselves, and for targets without any. */
  readonly registryPrefix?: string | undefined;
  /** Takes the place of the tag of every name. */
  readonly tag?: string | undefined;
}

/** The names of a target's image. */
export function nameImage(
  target: { readonly name: string; readonly tags: readonly string[] },
  naming: Naming,
): readonly string[] {
  const { registryPrefix, tag } = naming;
  const prefix = registryPrefix?.replace(/\/+$/, '');
  const own =
    target.tags.length === 0 && prefix !== undefined
      ? [`${normaliseName(target.name)}:latest`]
      : target.tags;
  const placed = own.map((name) =>
    prefix === undefined || namesRegistry(name) ? name : `${prefix}/${name}`,
  );
  return [...new Set(placed.map((name) => (tag === undefined ? name : withTag(name, tag))))];
}

/** Whether the first part of a name is a host, as Docker tells. */
function namesRegistry(name: string): boolean {
  const slash = name.indexOf('/');
  if (slash < 0) return false;
  const first = name.slice(0, slash);
  return (/[.:[]/.test(first) || first === 'localhost') && isRegistryHost(first);
}

/** Another tag for a name; a digest is no name that an image could be given, and stays. */
function withTag(name: string, tag: string): string {
  if (name.includes('@')) return name;
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return `${colon < 0 ? name : name.slice(0, colon)}:${tag}`;
}

/** Makes a repository's name of any: lower case, and what may not stand there becomes a dash. */
export function normaliseName(name: string): string {
  const parts = name
    .normalize('NFKD')
    .toLowerCase()
    .split('/')
    .map((part) =>
      part
        .replace(/[^a-z0-9._-]+/g, '-')
        .replace(/([._-])[._-]*/g, (run, first: string) => (run === '__' ? run : first))
        .replace(/^[._-]+|[._-]+$/g, ''),
    )
    .filter((part) => part !== '');
  return parts.join('/') || 'image';
}

/** Why a name cannot be an image's, `undefined` where it can. */
export function whyNoTag(name: string): string | undefined {
  try {
    const reference = parseReference(name);
    return reference.digest === undefined ? undefined : 'a tag cannot hold a digest';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
