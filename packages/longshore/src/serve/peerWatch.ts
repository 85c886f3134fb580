import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** A proxy before a registry knows of a closed connection within a round trip. */
const POLL_MS = 100;
const LOOPBACK = /^(?:::ffff:)?127\.|^::1$/;

/**
 * Destroys a socket that nobody reads from once its client has left. A server that does not read
 * cannot hear a goodbye: the FIN waits behind the bytes in the kernel. For clients on this machine
 * Linux tells all the same, in the table of sockets, and a frozen upload that was given up must not
 * stay in its crowd for ever. Elsewhere nothing is known and nothing is done.
 */
export function watchPeer(socket: Socket): Disposable {
  const { remoteAddress = '', remotePort, localPort } = socket;
  if (!LOOPBACK.test(remoteAddress) || remotePort === undefined || localPort === undefined) {
    return { [Symbol.dispose]: () => {} };
  }
  const timer = setInterval(() => {
    void hasLeft(remotePort, localPort).then((left) => {
      if (left) socket.destroy();
    });
  }, POLL_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function hasLeft(clientPort: number, serverPort: number): Promise<boolean> {
  try {
    const tables = await Promise.all(
      ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1')),
    );
    return !hasOwner(tables.join('\n'), clientPort, serverPort);
  } catch {
    return false;
  }
}

/**
 * Whether a process holds the socket from one port to the other. In the kernel's table (proc(5),
 * `/proc/net/tcp`) an orphan that still has something to send has the inode 0.
 */
export function hasOwner(table: string, from: number, to: number): boolean {
  const port = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').some((line) => {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/);
    const isIt = local.endsWith(`:${port(from)}`) && remote.endsWith(`:${port(to)}`);
    return isIt && inode !== undefined && inode !== '0';
  });
}
