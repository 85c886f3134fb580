import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from './certificates.ts';
import { makeTempFolder } from './files.ts';
import { mustRun, startService } from './programs.ts';

export type RegistryAuth =
  | { readonly kind: 'htpasswd'; readonly user: string; readonly password: string }
  | {
      readonly kind: 'token';
      readonly realm: string;
      readonly service: string;
      readonly issuer: string;
      /** PEM certificate whose key signs the tokens. */
      readonly certificate: string;
    };

/** One line of a server's access log. */
export interface AccessLine {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
  readonly agent: string;
}

/** Debian's docker-registry on a free loopback port. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly pid: number;
  accessLog(): readonly AccessLine[];
}

export interface DockerRegistryOptions {
  readonly auth?: RegistryAuth;
  readonly tls?: KeyPair;
  /**
   * A folder with what an earlier registry was given, and which stays.
   * @defaultValue a folder of its own, which goes away with it
   */
  readonly storage?: string;
}

/** Starts docker-registry; resolves once it listens. */
export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('docker-registry')).path;
  const rootdirectory = options.storage ?? join(folder, 'storage');
  await mkdir(rootdirectory, { recursive: true });
  // JSON is YAML, and needs no care with quoting.
  const config = {
    version: '0.1',
    // Blob digests and errors are in its access log; its own words are only wanted when it fails.
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'one process alone uses this', ...tlsSection(options) },
    ...(await authSection(options, folder)),
  };
  const file = join(folder, 'config.yml');
  await writeFile(file, JSON.stringify(config));
  const service = cleanup.use(
    startService('docker-registry', ['serve', file], { env: { OTEL_TRACES_EXPORTER: 'none' } }),
  );
  const [, port] = await service.says(/listening on 127\.0\.0\.1:(\d+)/);
  const owned = cleanup.move();
  return {
    host: `127.0.0.1:${port}`,
    pid: service.pid,
    accessLog: () => readAccessLog(service.output()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function tlsSection({ tls }: DockerRegistryOptions): object {
  return tls === undefined ? {} : { tls: { certificate: tls.certificate, key: tls.key } };
}

async function authSection({ auth }: DockerRegistryOptions, folder: string): Promise<object> {
  if (auth === undefined) {
    return {};
  }
  if (auth.kind === 'htpasswd') {
    const path = join(folder, 'htpasswd');
    await writeFile(path, await mustRun('htpasswd', ['-Bbn', auth.user, auth.password]));
    return { auth: { htpasswd: { realm: 'longshore-test', path } } };
  }
  const { realm, service, issuer, certificate } = auth;
  return { auth: { token: { realm, service, issuer, rootcertbundle: certificate } } };
}

/** Reads the combined log format, which nginx and docker-registry both write. */
export function readAccessLog(text: string): readonly AccessLine[] {
  const line =
    /^\S+ \S+ \S+ \[[^\]]*\] "(?<method>[A-Z]+) (?<path>\S+) [^"]*" (?<status>\d+) (?<bytes>\d+) "[^"]*" "(?<agent>[^"]*)"/gm;
  return [...text.matchAll(line)].map(({ groups = {} }) => ({
    method: groups['method'] ?? '',
    path: groups['path'] ?? '',
    status: Number(groups['status']),
    bytes: Number(groups['bytes']),
    agent: groups['agent'] ?? '',
  }));
}
