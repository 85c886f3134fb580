import { parentPort } from 'node:worker_threads';
import { describeError } from './errorTransfer.ts';
import { createWorkerMain } from './workerMain.ts';
import type { ToWorker } from './workerMessages.ts';

const port = parentPort;
if (port === null) throw new Error('threadEntry is started by a pool, as a worker thread');

const handle = createWorkerMain(
  (message) => port.postMessage(message),
  () => port.close(),
);
// Only the pool that started this thread holds the other end.
port.on('message', (message: ToWorker) => handle(message));
process.on('uncaughtException', (error) => {
  port.postMessage({ type: 'crash', error: describeError(error) });
  process.exit(1);
});
