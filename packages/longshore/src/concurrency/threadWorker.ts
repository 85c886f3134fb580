import { Worker } from 'node:worker_threads';
import { workerEntry } from '../workerEntry.ts';
import { threadFlags } from './workerFlags.ts';
import type { SpawnWorker } from './workerHandle.ts';
import { handleOver, passOn } from './workerMessages.ts';

/** Workers in threads: they share the process, so one that aborts the process takes all along. */
export const spawnThread: SpawnWorker = (events, options) => {
  const flags = threadFlags(process.execArgv);
  const worker = new Worker(workerEntry('threadEntry', import.meta.url), {
    name: 'longshore-worker',
    ...(flags !== undefined && { execArgv: flags }),
    ...(options.maxHeapMiB !== undefined && {
      resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMiB },
    }),
  });
  let cause: unknown;
  worker.on('message', (message: unknown) => {
    cause = passOn(message, events) ?? cause;
  });
  // What cannot be read here would leave its task waiting for ever.
  worker.on('messageerror', (error) => {
    cause = error;
    void worker.terminate();
  });
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('exit', (code) => events.gone(`exited with code ${code}`, cause));
  return {
    ...handleOver((message) => worker.postMessage(message, [])),
    kill: () => void worker.terminate(),
    keepAlive: (keep) => (keep ? worker.ref() : worker.unref()),
  };
};
