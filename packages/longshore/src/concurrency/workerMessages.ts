import { describeError, type ErrorData, rebuildError } from './errorTransfer.ts';
import type { QueueReply, QueueRequest } from './queueLink.ts';
import type { AnyInitialiser, AnyTask } from './taskRunner.ts';
import type { WorkerEvents, WorkerHandle } from './workerHandle.ts';

/** From the pool to a thread or process. */
export type ToWorker =
  | {
      readonly type: 'start';
      readonly worker: number;
      readonly initialiser: AnyInitialiser | undefined;
    }
  | {
      readonly type: 'run';
      readonly id: number;
      /** Number of the task in this worker; `task` comes with it the first time. */
      readonly number: number;
      readonly task?: AnyTask;
      readonly input: unknown;
    }
  | { readonly type: 'abort'; readonly id: number; readonly reason: ErrorData }
  | { readonly type: 'queue'; readonly reply: QueueReply }
  | { readonly type: 'stop' };

/** From a thread or process to its pool. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'broken'; readonly error: ErrorData }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorData }
  | { readonly type: 'progress'; readonly id: number; readonly data: unknown }
  | { readonly type: 'queue'; readonly request: QueueRequest }
  /** Something nobody awaited threw; the worker exits right after. */
  | { readonly type: 'crash'; readonly error: ErrorData };

/** The half of a handle that is the same for every worker with a channel. */
export function handleOver(
  post: (message: ToWorker) => void,
): Pick<WorkerHandle, 'start' | 'run' | 'abort' | 'reply' | 'stop'> {
  // A task's module and name are most of a small message, so a worker is told them once.
  const numbers = new Map<string, number>();
  return {
    start: (worker, initialiser) => post({ type: 'start', worker, initialiser }),
    run: (id, task, input) => {
      const key = typeof task === 'function' ? '' : `${task.name} ${task.module}`;
      const known = numbers.get(key);
      if (known !== undefined) {
        post({ type: 'run', id, number: known, input });
        return;
      }
      const number = numbers.size;
      post({ type: 'run', id, number, task, input });
      numbers.set(key, number);
    },
    abort: (id, reason) => post({ type: 'abort', id, reason: describeError(reason) }),
    reply: (reply) => post({ type: 'queue', reply }),
    stop: () => post({ type: 'stop' }),
  };
}

/**
 * Passes a message on. Task code shares the channel and may send what it likes, so a message of
 * another shape is ignored.
 * @returns the error of a crash, for the caller to remember until the exit
 */
export function passOn(message: unknown, events: WorkerEvents): Error | undefined {
  if (!isFromWorker(message)) return undefined;
  switch (message.type) {
    case 'ready':
      events.ready();
      break;
    case 'broken':
      events.broken(rebuildError(message.error));
      break;
    case 'result':
      events.result(message.id, message.value);
      break;
    case 'failed':
      events.failed(message.id, rebuildError(message.error));
      break;
    case 'progress':
      events.progress(message.id, message.data);
      break;
    case 'queue':
      events.queue(message.request);
      break;
    case 'crash':
      return rebuildError(message.error);
  }
  return undefined;
}

/** The field that each type needs to be what it says. */
const FIELDS = new Map([
  ['ready', 'type'],
  ['broken', 'error'],
  ['result', 'id'],
  ['failed', 'error'],
  ['progress', 'id'],
  ['queue', 'request'],
  ['crash', 'error'],
]);

function isFromWorker(message: unknown): message is FromWorker {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  const field = FIELDS.get(String(message.type));
  if (field === undefined || !(field in message)) return false;
  const value: unknown = Reflect.get(message, field);
  return field === 'error' || field === 'request'
    ? typeof value === 'object' && value !== null
    : value !== undefined;
}
