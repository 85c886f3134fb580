import { BlockList, isIP } from 'node:net';
import { bareHostname, defaultPort, isLoopback } from './endpoint.ts';

/** Proxies as data; the command line reads them from the environment. */
export interface ProxySettings {
  /** Address of the proxy for `http://`: `http://[user:password@]host:port`. */
  readonly http?: string | undefined;
  /** Address of the proxy for `https://`. */
  readonly https?: string | undefined;
  /**
   * Hosts to be reached without one, comma-separated as in `NO_PROXY`: names (subdomains included),
   * addresses, address blocks (`10.0.0.0/8`), each with an optional port; `*` for all.
   */
  readonly none?: string | undefined;
}

/** The proxy for an address, or `undefined` for a direct connection. Loopback is never proxied. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === 'https:' ? settings.https : settings.http;
  if (proxy === undefined || proxy === '' || isLoopback(url.hostname)) return undefined;
  const entries = (settings.none ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  return entries.some((entry) => matches(entry.toLowerCase(), url)) ? undefined : proxy;
}

function matches(entry: string, url: URL): boolean {
  if (entry === '*') return true;
  const host = bareHostname(url.hostname);
  if (entry.includes('/')) return inBlock(entry, host);
  const { name, port } = splitPort(entry);
  if (port !== undefined && port !== (url.port === '' ? defaultPort(url) : url.port)) return false;
  if (isIP(host) !== 0) return name === host;
  const suffix = name.replace(/^\*?\./, '');
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

function splitPort(entry: string): { name: string; port: string | undefined } {
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  if (match === null) return { name: bareHostname(entry), port: undefined };
  return { name: bareHostname(match[1] ?? ''), port: match[2] };
}

function inBlock(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  if (Number(bits) > (family === 6 ? 128 : 32)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(bits), kind);
  return block.check(host, kind);
}
