import { BlockList, isIP } from 'node:net';
import { LongshoreError } from '../errors.ts';
import { bareHostname, defaultPort, isLoopback } from './endpoint.ts';

/** Proxies as data; the command line reads them from the environment. */
export interface ProxySettings {
  /** Address of the proxy for `http://`: `[http[s]://][user:password@]host[:port]`. */
  readonly http?: string | undefined;
  /** Address of the proxy for `https://`. */
  readonly https?: string | undefined;
  /**
   * Hosts to be reached without one, comma-separated as in `NO_PROXY`: names (subdomains included),
   * addresses, address blocks (`10.0.0.0/8`), each with an optional port; `*` for all.
   */
  readonly none?: string | undefined;
  /**
   * What errors call the places that the addresses are from, such as names of variables.
   * @defaultValue none are named
   */
  readonly sources?: {
    readonly http?: string | undefined;
    readonly https?: string | undefined;
  };
}

export interface ProxyServer {
  /** With user and password, where there are some: nothing to be shown. */
  readonly url: URL;
  readonly source: string | undefined;
}

/** `ProxySettings`, read and checked. */
export interface Proxies {
  readonly http: ProxyServer | undefined;
  readonly https: ProxyServer | undefined;
  readonly none: readonly string[];
}

/** @throws LongshoreError `ERR_PROXY_CONFIG` for an address that cannot be used */
export function readProxies({ http, https, none = '', sources }: ProxySettings): Proxies {
  return {
    http: readServer(http, sources?.http),
    https: readServer(https, sources?.https),
    none: none
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((entry) => entry !== ''),
  };
}

function readServer(address: string | undefined, source?: string): ProxyServer | undefined {
  if (address === undefined || address === '') return undefined;
  // As curl has it. `URL` alone would take the host of `host:port` for a scheme.
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  const name = source ?? 'proxy';
  if (url === null || url.hostname === '' || !isDecodable(url)) {
    throw badAddress(
      `${name} does not hold the address of a proxy`,
      'Write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; in a password %40 stands for @, %23 for #, %2F for / and %25 for %',
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw badAddress(
      `${name}: proxies at ${url.protocol}// are not supported`,
      'Give the address of an HTTP proxy: http://HOST:PORT',
    );
  }
  return { url, source };
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** The address is not shown: it may hold a password. */
function badAddress(message: string, hint: string): LongshoreError {
  return new LongshoreError(message, { code: 'ERR_PROXY_CONFIG', origin: 'input', hint });
}

/** The proxy for an address, or `undefined` for a direct connection. Loopback is never proxied. */
export function proxyFor(url: URL, { http, https, none }: Proxies): ProxyServer | undefined {
  if (isLoopback(url.hostname) || none.some((entry) => matches(entry, url))) return undefined;
  return url.protocol === 'https:' ? https : http;
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
