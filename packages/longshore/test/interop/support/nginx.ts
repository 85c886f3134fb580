import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccessLine, readAccessLog } from './dockerRegistry.ts';
import { findFreePort, makeTempFolder } from './files.ts';
import { startService } from './programs.ts';

/** nginx in front of a registry: limits each connection, and keeps its own access log. */
export interface Nginx extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Its log once no connection is left, so that a request that was cut off has its line. */
  accessLog(): Promise<readonly AccessLine[]>;
}

export interface NginxOptions {
  /** `HOST:PORT` of the registry behind it. */
  readonly upstream: string;
  /** Each connection gets at most this. @defaultValue no limit */
  readonly bytesPerSecondPerConnection?: number;
  /** Answers 429 to what comes on top of so many requests under way. @defaultValue no limit */
  readonly mostRequests?: number;
}

const STATUS = '/nginx_status';

/** Starts nginx on a free loopback port with everything it writes in a folder of its own. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await makeTempFolder('nginx')).path;
  const port = await findFreePort();
  const config = join(folder, 'nginx.conf');
  await writeFile(config, nginxConfig(options, folder, port));
  const service = cleanup.use(startService('nginx', ['-c', config, '-p', folder, '-e', 'stderr']));
  await service.says(/start worker processes/);
  const owned = cleanup.move();
  return {
    host: `127.0.0.1:${port}`,
    async accessLog() {
      await waitUntilIdle(port);
      return readAccessLog(await readFile(join(folder, 'access.log'), 'utf8'));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function waitUntilIdle(port: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${STATUS}`, {
      headers: { connection: 'close' },
    });
    const status = await answer.text();
    // The connection that asks is one of them.
    if (/Active connections: 1\b/.test(status)) {
      return;
    }
    if (performance.now() > deadline) {
      throw new Error(`nginx still has connections: ${status}`);
    }
    await sleep(20);
  }
}

function nginxConfig(options: NginxOptions, folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ');
  const { mostRequests } = options;
  const zone = mostRequests === undefined ? '' : 'limit_conn_zone $server_port zone=all:1m;';
  const crowd = mostRequests === undefined ? '' : `limit_conn all ${mostRequests};`;
  return `
    user root; daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr notice;
    events { worker_connections 256; }
    http {
      access_log ${folder}/access.log combined;
      ${temporary}
      client_max_body_size 0;
      ${zone}
      server {
        listen 127.0.0.1:${port};
        limit_rate ${options.bytesPerSecondPerConnection ?? 0};
        ${crowd} limit_conn_status 429;
        location ${STATUS} { stub_status; access_log off; }
        location / {
          proxy_pass http://${options.upstream};
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_set_header Connection "";
          # The registry has to see a client that goes away, and no blob is to wait on a disk here.
          proxy_buffering on; proxy_max_temp_file_size 0; proxy_request_buffering off;
        }
      }
    }`;
}
