import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashOrder, HashReply } from './hashMessages.ts';

/** Fits the caches that a core has to itself; no faster in larger steps. */
const READ_BYTES = 256 * 1024;
/** How much of one file goes before it is the next one's turn. */
const TURN_BYTES = 4 * 1024 * 1024;

interface HashedFile {
  readonly fd: number;
  readonly hash: Hash;
  frontier: number;
  target: number;
  /** Up to where it has to be for each report that is due. */
  readonly reports: number[];
}

/** Started as a thread by `hashThread.ts`: hashes files in order while another thread fills them. */
function serve(port: NonNullable<typeof parentPort>): void {
  const files = new Map<number, HashedFile>();
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let running = false;

  const reply = (message: HashReply): void => port.postMessage(message, []);

  function follow(order: HashOrder): void {
    const { kind, id } = order;
    const file = files.get(id);
    if (kind === 'open') {
      const { fd, algorithm } = order;
      files.set(id, { fd, hash: createHash(algorithm), frontier: 0, target: 0, reports: [] });
    } else if (kind === 'close') {
      files.delete(id);
      reply({ kind: 'closed', id });
    } else if (file === undefined) {
      if (kind === 'report') reply({ kind: 'lost', id });
    } else {
      if (kind === 'report') file.reports.push(file.target);
      else file.target = Math.max(file.target, order.end);
      run();
    }
  }

  function run(): void {
    if (running) return;
    running = true;
    setImmediate(turn);
  }

  /** Orders are read between turns. */
  function turn(): void {
    running = false;
    for (const [id, file] of files) {
      try {
        advance(file);
      } catch (error) {
        files.delete(id);
        reply({ kind: 'failed', id, error });
        for (const _report of file.reports) reply({ kind: 'lost', id });
        continue;
      }
      answer(id, file);
      if (file.frontier < file.target) run();
    }
  }

  function advance(file: HashedFile): void {
    const end = Math.min(file.target, file.frontier + TURN_BYTES);
    while (file.frontier < end) {
      const length = Math.min(READ_BYTES, end - file.frontier);
      const bytes = readSync(file.fd, buffer, 0, length, file.frontier);
      if (bytes === 0) throw new Error(`the file ends at ${file.frontier}, before ${file.target}`);
      file.hash.update(bytes === READ_BYTES ? buffer : buffer.subarray(0, bytes));
      file.frontier += bytes;
    }
  }

  function answer(id: number, file: HashedFile): void {
    while (file.frontier >= (file.reports[0] ?? Number.POSITIVE_INFINITY)) {
      file.reports.shift();
      const hex = file.hash.copy().digest('hex');
      reply({ kind: 'report', id, frontier: file.frontier, hex });
    }
  }

  port.on('message', follow);
}

if (parentPort !== null) serve(parentPort);
