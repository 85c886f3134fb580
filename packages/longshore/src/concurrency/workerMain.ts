import { describeError } from './errorTransfer.ts';
import { QueueClient } from './queueLink.ts';
import { openQueuesThrough } from './sharedQueues.ts';
import { type AnyTask, TaskRunner } from './taskRunner.ts';
import type { FromWorker, ToWorker } from './workerMessages.ts';

/**
 * What a worker does with each message of its pool, in a thread and in a process alike.
 * @param post - throws where the message cannot be cloned
 * @param leave - called when the pool wants the worker to end by itself
 */
export function createWorkerMain(
  post: (message: FromWorker) => void,
  leave: () => void,
): (message: ToWorker) => void {
  const runner = new TaskRunner({
    ready: () => post({ type: 'ready' }),
    broken: (thrown) => post({ type: 'broken', error: describeError(thrown) }),
    result: (id, value) => post({ type: 'result', id, value }),
    failed: (id, thrown) => post({ type: 'failed', id, error: describeError(thrown) }),
    progress: (id, data) => post({ type: 'progress', id, data }),
  });
  const queues = new QueueClient((request) => post({ type: 'queue', request }));
  openQueuesThrough(queues);
  const tasks = new Map<number, AnyTask>();

  function run(id: number, task: AnyTask | undefined, input: unknown): void {
    if (task !== undefined) void runner.run(id, task, input);
  }

  return (message) => {
    switch (message.type) {
      case 'start':
        void runner.start(message.worker, message.initialiser);
        break;
      case 'run':
        if (message.task !== undefined) tasks.set(message.number, message.task);
        run(message.id, tasks.get(message.number), message.input);
        break;
      case 'abort':
        runner.abort(message.id, new DOMException(message.reason.message, 'AbortError'));
        break;
      case 'queue':
        queues.handle(message.reply);
        break;
      case 'stop':
        leave();
        break;
      default:
        message satisfies never;
    }
  };
}
