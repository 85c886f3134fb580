import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** One request as it came, head only. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Counts connections from 0, so that a test can see reuse. */
  readonly connection: number;
  readonly body: string;
}

export type RawHandler = (request: RawRequest, socket: Socket) => void | Promise<void>;

/** A server that sends exactly the bytes that a test wants sent. */
export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly host: string;
  readonly requests: RawRequest[];
  connections: number;
  handler: RawHandler;
}

export async function startRawServer(
  handler: RawHandler,
  options: { readonly tls?: TlsOptions; readonly host?: string } = {},
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const onSocket = (socket: Socket): void => {
    sockets.add(socket);
    const connection = state.connections;
    state.connections += 1;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    readRequests(socket, connection, (request) => {
      state.requests.push(request);
      void state.handler(request, socket);
    });
  };
  const server: Server =
    options.tls === undefined ? createServer(onSocket) : createTlsServer(options.tls, onSocket);
  server.on('tlsClientError', () => undefined);
  server.listen(0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const name = options.host === '::1' ? '[::1]' : (options.host ?? '127.0.0.1');
  const state = {
    port: address.port,
    host: `${name}:${address.port}`,
    requests: [] as RawRequest[],
    connections: 0,
    handler,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}

function readRequests(
  socket: Socket,
  connection: number,
  onRequest: (request: RawRequest) => void,
): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const lines = text.slice(0, end).split('\r\n');
      const headers = new Map(
        lines.slice(1).map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      const length = Number(headers.get('content-length') ?? 0);
      if (text.length < end + 4 + length) return;
      const [method = '', path = ''] = (lines[0] ?? '').split(' ');
      const body = text.slice(end + 4, end + 4 + length);
      text = text.slice(end + 4 + length);
      onRequest({ method, path, headers, connection, body });
    }
  });
}

/** A whole response: head with a right `Content-Length`, then the body. */
export function respond(
  socket: Socket,
  status: number,
  fields: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = '',
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  socket.write(head(status, { 'Content-Length': String(bytes.byteLength), ...fields }));
  if (bytes.byteLength > 0) socket.write(bytes);
}

/** A response head, and nothing after it. */
export function head(status: number, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`;
}
