import { describeError } from './errorTransfer.ts';
import { createWorkerMain } from './workerMain.ts';
import type { FromWorker, ToWorker } from './workerMessages.ts';

let leaving = false;

// A terminal sends Ctrl-C to every process in its foreground; how a worker ends is for its pool to
// say. Handled rather than started in a group of its own, since Windows has no such groups.
process.on('SIGINT', () => {});
// The pool's process has died, by whatever: an orphan would work for nobody.
process.on('disconnect', () => {
  if (!leaving) process.exit(1);
});

function post(message: FromWorker): void {
  // Throws at once on what cannot be cloned; that the pool is gone shows as `disconnect`.
  process.send?.(message, undefined, undefined, () => {});
}

const handle = createWorkerMain(post, () => {
  leaving = true;
  if (process.connected) process.disconnect();
});
// Only the pool that started this process holds the other end.
process.on('message', (message: ToWorker) => handle(message));
process.on('uncaughtException', (error) => {
  const end = (): void => process.exit(1);
  if (process.send === undefined || !process.connected) end();
  else process.send({ type: 'crash', error: describeError(error) }, undefined, undefined, end);
});
