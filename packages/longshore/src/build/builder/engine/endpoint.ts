import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LongshoreError } from '../../../errors.ts';
import { isObject, readJsonObject } from '../json.ts';
import type { BuilderOptions, Environment } from '../options.ts';

/** Where a Docker Engine is, and how it is talked to. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: EngineTls | undefined;
    }
  /** Through `docker system dial-stdio` over there, as Docker's own client does it. */
  | { readonly kind: 'ssh'; readonly destination: string; readonly port: string | undefined };

export interface EngineTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  readonly skipVerify: boolean;
}

/** An end point, and its address as people write it. */
export interface EngineAddress {
  readonly endpoint: Endpoint;
  /** `unix:///var/run/docker.sock` */
  readonly address: string;
}

/**
 * Where the engine is, by Docker's own order: an address that was given, `DOCKER_HOST`,
 * `DOCKER_CONTEXT`, the current context of the configuration, the usual socket.
 * @throws LongshoreError `ERR_BUILDER_ADDRESS`
 */
export async function findEngine(options: BuilderOptions): Promise<EngineAddress> {
  const { environment } = options;
  const given = options.dockerHost ?? environment['DOCKER_HOST'];
  if (given !== undefined && given !== '')
    return addressOf(given, await environmentTls(environment));
  const folder = configFolder(environment);
  const config = await readJsonObject(join(folder, 'config.json'));
  const context = environment['DOCKER_CONTEXT'] ?? config['currentContext'];
  if (typeof context === 'string' && context !== '' && context !== 'default') {
    return contextAddress(folder, context);
  }
  return addressOf(`unix://${await usualSocket(environment)}`, undefined);
}

/** The folder of Docker's client. */
export function configFolder(environment: Environment): string {
  return environment['DOCKER_CONFIG'] ?? join(environment['HOME'] ?? '/nonexistent', '.docker');
}

function addressOf(address: string, tls: EngineTls | undefined): EngineAddress {
  if (address.startsWith('unix://')) {
    const path = address.slice('unix://'.length);
    return { address, endpoint: { kind: 'unix', path: path === '' ? USUAL_SOCKET : path } };
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'ssh:' && url.hostname !== '') {
    const destination = url.username === '' ? url.hostname : `${url.username}@${url.hostname}`;
    return { address, endpoint: { kind: 'ssh', destination, port: url.port || undefined } };
  }
  if (url !== undefined && /^(tcp|https?):$/.test(url.protocol) && url.hostname !== '') {
    const secure = tls ?? (url.protocol === 'https:' ? { skipVerify: false } : undefined);
    const port = Number(url.port || (secure === undefined ? 2375 : 2376));
    return { address, endpoint: { kind: 'tcp', host: url.hostname, port, tls: secure } };
  }
  throw new LongshoreError(`Not an address of a Docker Engine: ${JSON.stringify(address)}`, {
    code: 'ERR_BUILDER_ADDRESS',
    origin: 'input',
    hint: 'Set DOCKER_HOST to unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST',
  });
}

const USUAL_SOCKET = '/var/run/docker.sock';

async function usualSocket({ HOME = '/nonexistent' }: Environment): Promise<string> {
  const desktop = join(HOME, '.docker/run/docker.sock');
  return await access(desktop).then(
    () => desktop,
    () => USUAL_SOCKET,
  );
}

/** `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, as Docker's client reads them. */
async function environmentTls(environment: Environment): Promise<EngineTls | undefined> {
  const verify = environment['DOCKER_TLS_VERIFY'] ?? '';
  const folder = environment['DOCKER_CERT_PATH'] ?? '';
  if (verify === '' && folder === '') return undefined;
  const from = folder === '' ? configFolder(environment) : folder;
  return { ...(await readTls(from)), skipVerify: verify === '' };
}

async function readTls(folder: string): Promise<Omit<EngineTls, 'skipVerify'>> {
  const read = (name: string): Promise<Buffer | undefined> =>
    readFile(join(folder, name)).catch(() => undefined);
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map(read));
  return { ca, cert, key };
}

/** Contexts are kept in folders that are named by the digest of their name. */
async function contextAddress(folder: string, name: string): Promise<EngineAddress> {
  const id = createHash('sha256').update(name).digest('hex');
  const meta = await readJsonObject(join(folder, 'contexts/meta', id, 'meta.json'));
  const endpoints = isObject(meta['Endpoints']) ? meta['Endpoints'] : {};
  const docker = isObject(endpoints['docker']) ? endpoints['docker'] : {};
  const host = docker['Host'];
  if (typeof host !== 'string' || host === '') {
    throw new LongshoreError(`The Docker context ${name} is not there, or has no address`, {
      code: 'ERR_BUILDER_ADDRESS',
      origin: 'input',
      hint: 'See docker context ls, or set DOCKER_HOST',
    });
  }
  const files = await readTls(join(folder, 'contexts/tls', id, 'docker'));
  const skipVerify = docker['SkipTLSVerify'] === true;
  const needsTls = skipVerify || files.ca !== undefined || files.cert !== undefined;
  return addressOf(host, needsTls ? { ...files, skipVerify } : undefined);
}
