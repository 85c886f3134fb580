import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerEntry } from '../workerEntry.ts';
import { processFlags } from './workerFlags.ts';
import type { SpawnWorker } from './workerHandle.ts';
import { handleOver, passOn, type ToWorker } from './workerMessages.ts';

/** Workers in processes of their own: one that runs out of memory or is killed dies alone. */
export const spawnProcess: SpawnWorker = (events, options) => {
  const flags = processFlags(process.execArgv);
  if (options.maxHeapMiB !== undefined) flags.push(`--max-old-space-size=${options.maxHeapMiB}`);
  const child = fork(fileURLToPath(workerEntry('processEntry', import.meta.url)), {
    serialization: 'advanced',
    execArgv: flags,
  });
  let cause: unknown;
  let exit: string | undefined;
  let disconnected = false;
  let gone = false;

  // The exit may be seen before the last messages are read, acknowledgements among them; the end
  // of the channel comes after them.
  function leave(): void {
    if (gone || exit === undefined || !disconnected) return;
    gone = true;
    events.gone(exit, cause);
  }

  child.on('message', (message) => {
    cause = passOn(message, events) ?? cause;
  });
  child.on('disconnect', () => {
    disconnected = true;
    leave();
  });
  child.on('exit', (code, signal) => {
    exit = signal === null ? `exited with code ${code ?? 'unknown'}` : `was killed by ${signal}`;
    leave();
  });
  child.on('error', (error) => {
    cause = error;
    if (child.pid !== undefined) return;
    exit = 'could not be started';
    disconnected = true;
    leave();
  });

  function post(message: ToWorker): void {
    // A worker that has just died is told of by its exit; here it must not throw.
    if (child.connected) child.send(message, () => {});
  }

  return {
    ...handleOver(post),
    kill: () => void child.kill('SIGKILL'),
    keepAlive: (keep) => {
      if (keep) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
      }
    },
  };
};
