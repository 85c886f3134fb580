import { connect, type Socket } from 'node:net';
import type { RegistryServer } from '../../../src/serve/index.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** How the connection ended. */
  readonly end: 'closed' | 'reset';
}

/** Opens a socket to a server and writes a request as it is; for what no proper client shows. */
export function sendRaw(server: Pick<RegistryServer, 'port'>, lines: readonly string[]): Socket {
  const socket = connect(server.port, '127.0.0.1');
  // Tests look at how a connection ends; an error event is one of the ways.
  socket.on('error', () => {});
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** Sends a GET and reads until the connection ends. */
export function getRaw(
  server: Pick<RegistryServer, 'port'>,
  path: string,
  headers: readonly string[] = [],
): Promise<RawAnswer> {
  const socket = sendRaw(server, [
    `GET ${path} HTTP/1.1`,
    'Host: test',
    'Connection: close',
    ...headers,
  ]);
  const chunks: Buffer[] = [];
  let failed = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {
    failed = true;
  });
  return new Promise((resolve) => {
    socket.on('close', () => {
      resolve(parseAnswer(Buffer.concat(chunks), failed ? 'reset' : 'closed'));
    });
  });
}

function parseAnswer(bytes: Buffer, end: RawAnswer['end']): RawAnswer {
  const split = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, Math.max(0, split)).toString('latin1').split('\r\n');
  const headers = head.slice(1).map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(head[0]?.split(' ')[1] ?? 0),
    headers: new Map(headers),
    body: split < 0 ? Buffer.alloc(0) : bytes.subarray(split + 4),
    end,
  };
}
