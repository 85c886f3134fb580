import { BlockList, isIP } from 'node:net';
import { LongshoreError } from '../errors.ts';
import { DEFAULT_REGISTRY, isRegistryHost } from '../image/index.ts';

/** Docker Hub's API is not at the name that references carry. */
const DOCKER_HUB_API = 'registry-1.docker.io';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for this machine's own names and addresses. @param hostname as in `URL.hostname` */
export function isLoopback(hostname: string): boolean {
  const name = bareHostname(hostname).toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const family = isIP(name);
  return family !== 0 && LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4');
}

/** Without the brackets of an IPv6 address: as sockets want it. */
export function bareHostname(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/**
 * Whether plain HTTP may be spoken to a host: loopback, and what the user has named.
 * @param insecureHosts `host:port` for one port, `host` for all of its ports
 */
export function mayUsePlainHttp(url: URL, insecureHosts: ReadonlySet<string>): boolean {
  if (isLoopback(url.hostname)) return true;
  const port = url.port === '' ? defaultPort(url) : url.port;
  return insecureHosts.has(url.hostname) || insecureHosts.has(`${url.hostname}:${port}`);
}

export function defaultPort(url: URL): string {
  return url.protocol === 'https:' ? '443' : '80';
}

/** Scheme, host and port, the port always written: limiters count by it. */
export function originOf(url: URL): string {
  return `${url.protocol}//${url.hostname}:${url.port === '' ? defaultPort(url) : url.port}`;
}

/**
 * The address of a path of the API on a registry.
 * @param path below `/v2/`, of parts that were checked by their grammars
 * @throws LongshoreError `ERR_REFERENCE_INVALID` for a host or a path that would lead elsewhere
 */
export function endpointUrl(scheme: 'http' | 'https', registry: string, path: string): URL {
  const host = registry === DEFAULT_REGISTRY ? DOCKER_HUB_API : registry;
  const pathname = `/v2/${path}`;
  const url = isRegistryHost(host) ? URL.parse(`${scheme}://${host}${pathname}`) : null;
  if (url === null || url.pathname !== pathname || url.search !== '' || url.hash !== '') {
    throw new LongshoreError(
      `Not a place on a registry: ${JSON.stringify(`${registry}/${path}`.slice(0, 200))}`,
      { code: 'ERR_REFERENCE_INVALID', origin: 'input' },
    );
  }
  return url;
}
