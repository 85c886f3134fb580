import { DEFAULT_REGISTRY } from '../../image/index.ts';
import type { CredentialAddress } from './types.ts';

/** Under what Docker keeps the credentials of Docker Hub, since 2014. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
]);

/** The name under which tools store the credentials of a registry. */
export function serverKey(registry: string): string {
  return registry === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
}

/**
 * A key of `auths` without its scheme and trailing parts: keys have been written as hosts, as
 * addresses and, by containers/image, as `host/path`.
 */
export function normaliseKey(key: string): string {
  const isUrl = /^https?:\/\//i.test(key);
  const bare = key.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const name = DOCKER_HUB_HOSTS.has(host) ? DEFAULT_REGISTRY : host;
  // The path of an address is that of an API; without a scheme it is a part of a repository.
  return slash < 0 || isUrl ? name : `${name}${bare.slice(slash)}`;
}

/**
 * The keys that cover an address, the closest first: `host/a/b`, `host/a`, `host`
 * (containers-auth.json(5)).
 */
export function coveringKeys({ registry, repository }: CredentialAddress): readonly string[] {
  const parts = repository === undefined ? [] : repository.split('/');
  const keys = parts.map((_, i) => [registry, ...parts.slice(0, parts.length - i)].join('/'));
  return [...keys, registry];
}

/** The registry, as references name it, that a key of `auths` has credentials for. */
export function registryOfKey(key: string): string {
  return normaliseKey(key).split('/', 1)[0] ?? '';
}
