import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LongshoreError } from '../errors.ts';

/** What a task function gets beside its input. */
export interface TaskContext {
  /** Aborted when the caller's signal is, when the task's time is up, or when its `map` failed. */
  readonly signal: AbortSignal;
  /** Number of the worker that runs it, from 1. */
  readonly worker: number;
  /** Tells the caller how far it is; arrives as a `progress` event. The data must be clonable. */
  report(data: unknown): void;
}

export type TaskFunction<I, R> = (input: I, context: TaskContext) => R | PromiseLike<R>;

/**
 * A task by where its function lives: the module's URL and the export's name. That is all a worker
 * needs, so no function is ever sent. `carries` exists for the types only.
 */
export interface TaskReference<I, R> {
  readonly module: string;
  readonly name: string;
  readonly carries?: (input: I) => R;
}

/** A reference; inline pools also take the function itself. */
export type Task<I, R> = TaskReference<I, R> | TaskFunction<I, R>;

/**
 * Names a task. The types come from the function, which is imported as a type only:
 * `task<typeof import('./work.ts').resize>(new URL('./work.ts', import.meta.url), 'resize')`.
 *
 * @param module - a `file:` URL or an absolute path
 * @throws LongshoreError `ERR_TASK_MODULE` for anything else: a relative path would mean another
 * file in a worker
 */
export function task<
  F extends (input: never, context: TaskContext) => unknown = TaskFunction<unknown, unknown>,
>(module: string | URL, name: string): TaskReference<Parameters<F>[0], Awaited<ReturnType<F>>> {
  return { module: moduleUrl(module), name };
}

function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (module.startsWith('file:')) return module;
  throw new LongshoreError(`a task's module must be a URL or an absolute path, not ${module}`, {
    code: 'ERR_TASK_MODULE',
    hint: 'Pass new URL("./work.ts", import.meta.url)',
    origin: 'input',
  });
}

/** @returns the task's name for messages: `resize of work.ts` */
export function describeTask<I, R>(named: Task<I, R>): string {
  if (typeof named === 'function') return named.name === '' ? 'an unnamed function' : named.name;
  return `${named.name} of ${named.module.slice(named.module.lastIndexOf('/') + 1)}`;
}
