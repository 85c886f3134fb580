import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { LongshoreError } from '../errors.ts';

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly tls: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  readonly onRequest: RequestListener;
  /** Requests whose client waits for `100 Continue`. */
  readonly onExpectContinue: RequestListener;
  readonly onConnect: () => void;
  readonly onDisconnect: () => void;
}

export interface Listener {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Opens a listening HTTP or HTTPS server.
 * @throws LongshoreError `ERR_SERVE_LISTEN`
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { tls } = options;
  const server = tls === undefined ? createHttpServer() : createHttpsServer({ ...tls });
  configure(server, options);
  await startListening(server, options);
  const { port } = server.address() as AddressInfo;
  const name = options.address.includes(':') ? `[${options.address}]` : options.address;
  const host = `${name}:${port}`;
  return {
    host,
    port,
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    close: () => stopListening(server),
  };
}

function configure(server: Server, options: ListenOptions): void {
  // Node cuts requests after five minutes by default; an upload may take longer.
  server.requestTimeout = 0;
  // Longer than the minute for which clients keep idle connections, so that they close first.
  server.keepAliveTimeout = 75_000;
  server.on('request', options.onRequest);
  server.on('checkContinue', options.onExpectContinue);
  server.on('connection', (socket) => {
    options.onConnect();
    socket.once('close', options.onDisconnect);
  });
}

function startListening(server: Server, { address, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new LongshoreError(`Cannot listen on ${address}, port ${port}`, {
          code: 'ERR_SERVE_LISTEN',
          origin: 'input',
          hint: 'Choose a port that is free, or 0 for any',
          cause,
        }),
      );
    });
    server.listen(port, address, resolve);
  });
}

async function stopListening(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}
