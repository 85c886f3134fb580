import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../errors.ts';
import { isRegistryHost } from '../image/index.ts';
import {
  createRegistry,
  type DockerCredentialsOptions,
  dockerCredentials,
  type ProxySettings,
  type Registry,
  type RegistryEvent,
  type RegistryOptions,
  type RegistryUploads,
  readProxies,
} from '../registry/index.ts';
import type { CommandContext } from './commands/context.ts';
import { credentialPlaces } from './credentialPlaces.ts';
import { usageError } from './failures.ts';
import { readMirrors } from './mirrors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach registries, read and checked, before anything is opened. */
export type Connection = Omit<RegistryOptions, 'credentials' | 'onEvent'>;

/**
 * Reads what flags and environment say about connections.
 * @throws LongshoreError `ERR_USAGE` for files that cannot be read and hosts that are none,
 * `ERR_PROXY_CONFIG` for addresses of proxies that cannot be used
 */
export async function readConnection(context: CommandContext): Promise<Connection> {
  const { settings, host, places } = context;
  const { cert, key } = settings;
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError('--cert and --key belong together; give both');
  }
  const insecureHosts = settings.insecure?.map(checkHost);
  const mirrors = readMirrors(settings.mirror);
  const proxy = proxySettings(host.env);
  // Only checked here: clients are made when other things have begun.
  readProxies(proxy);
  const [ca, certPem, keyPem] = await Promise.all([
    readPem('--ca', settings.ca, places.cwd),
    readPem('--cert', cert, places.cwd),
    readPem('--key', key, places.cwd),
  ]);
  return {
    insecureHosts,
    mirrors,
    ca,
    cert: certPem,
    key: keyPem,
    proxy,
    userAgent: `longshore/${host.version}`,
  };
}

/**
 * A client of all registries, with the credentials that Docker and Podman keep.
 * @param given credentials that count before all that are kept
 */
export async function openRegistry(
  context: CommandContext,
  connection: Connection,
  {
    onEvent,
    given = [],
  }: {
    readonly onEvent?: (event: RegistryEvent) => void;
    readonly given?: DockerCredentialsOptions['values'];
  } = {},
): Promise<Registry & RegistryUploads> {
  const { files, documents } = credentialPlaces(context);
  const credentials = dockerCredentials({ files, documents, values: given });
  return createRegistry({ ...connection, credentials, onEvent });
}

async function readPem(
  flag: string,
  file: string | undefined,
  cwd: string,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(path.resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw usageError(`${flag}: cannot read ${file}: ${errnoOf(cause) ?? String(cause)}`);
  }
}

function checkHost(host: string): string {
  if (isRegistryHost(host)) return host;
  throw usageError(
    `--insecure: ${JSON.stringify(host)} is not a host`,
    'Write HOST or HOST:PORT, without http:// and without a path',
  );
}

/** Proxies by the variables that curl and Docker read; lower case wins where both are there. */
export function proxySettings(env: Environment): ProxySettings {
  const nameOf = (name: string): string => (env[name] === undefined ? name.toUpperCase() : name);
  const http = nameOf('http_proxy');
  const https = nameOf('https_proxy');
  return {
    http: env[http],
    https: env[https],
    none: env[nameOf('no_proxy')],
    sources: { http, https },
  };
}
