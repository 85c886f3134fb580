import { LongshoreError } from '../errors.ts';
import { LazySignal } from './lazySignal.ts';
import { describeTask, type Task, type TaskContext, type TaskFunction } from './task.ts';

/** Where a worker's runner says what happened. `result` and `report` throw on unclonable data. */
export interface TaskPort {
  ready(): void;
  /** The initialiser failed: this worker takes no task. */
  broken(thrown: unknown): void;
  result(id: number, value: unknown): void;
  failed(id: number, thrown: unknown): void;
  progress(id: number, data: unknown): void;
}

/** A task of whatever types: what goes in and what comes out is the caller's knowledge. */
export type AnyTask = Task<never, unknown>;

/** What runs once in each worker before its first task. */
export interface AnyInitialiser {
  readonly task: AnyTask;
  readonly input: unknown;
}

/** The worker's side of a pool, the same in a thread, a process and inline. */
export class TaskRunner {
  readonly #port: TaskPort;
  readonly #running = new Map<number, RunnerContext>();
  readonly #loaded = new WeakMap<AnyTask, TaskFunction<unknown, unknown>>();
  #worker = 0;

  constructor(port: TaskPort) {
    this.#port = port;
  }

  async start(worker: number, initialiser: AnyInitialiser | undefined): Promise<void> {
    this.#worker = worker;
    try {
      if (initialiser !== undefined) {
        const initialise = await this.#load(initialiser.task);
        await initialise(initialiser.input, new RunnerContext(worker, () => {}));
      }
    } catch (error) {
      this.#port.broken(error);
      return;
    }
    this.#port.ready();
  }

  /** Never throws: the answer goes to the port. */
  async run(id: number, named: AnyTask, input: unknown): Promise<void> {
    const context = new RunnerContext(this.#worker, (data) => {
      try {
        this.#port.progress(id, data);
      } catch (error) {
        throw unclonableFrom(`what ${describeTask(named)} reported`, error);
      }
    });
    this.#running.set(id, context);
    let value: unknown;
    try {
      const loaded = this.#loaded.get(named) ?? (await this.#load(named));
      value = await loaded(input, context);
    } catch (error) {
      this.#end(id, () => this.#port.failed(id, error));
      return;
    }
    this.#end(id, () => {
      try {
        this.#port.result(id, value);
      } catch (error) {
        this.#port.failed(id, unclonableFrom(`what ${describeTask(named)} returned`, error));
      }
    });
  }

  abort(id: number, reason: unknown): void {
    this.#running.get(id)?.abort(reason);
  }

  abortAll(reason: unknown): void {
    for (const context of this.#running.values()) context.abort(reason);
  }

  #end(id: number, answer: () => void): void {
    this.#running.delete(id);
    answer();
  }

  async #load(named: AnyTask): Promise<TaskFunction<unknown, unknown>> {
    if (typeof named === 'function') return named as TaskFunction<unknown, unknown>;
    const found = await importExport(named.module, named.name).catch((error: unknown) => {
      throw notFound(named, 'its module could not be imported', error);
    });
    if (typeof found !== 'function') throw notFound(named, 'the module exports no such function');
    const loaded = found as TaskFunction<unknown, unknown>;
    this.#loaded.set(named, loaded);
    return loaded;
  }
}

async function importExport(module: string, name: string): Promise<unknown> {
  const exported: Record<string, unknown> = await import(module);
  return exported[name];
}

class RunnerContext extends LazySignal implements TaskContext {
  readonly worker: number;
  readonly #progress: (data: unknown) => void;

  constructor(worker: number, progress: (data: unknown) => void) {
    super();
    this.worker = worker;
    this.#progress = progress;
  }

  report(data: unknown): void {
    this.#progress(data);
  }
}

function notFound(named: AnyTask, why: string, cause?: unknown): LongshoreError {
  return new LongshoreError(`cannot run ${describeTask(named)}: ${why}`, {
    code: 'ERR_TASK_NOT_FOUND',
    hint: 'Name an exported function of a module that a worker can import',
    origin: 'input',
    cause,
  });
}

function unclonableFrom(what: string, cause: unknown): LongshoreError {
  return new LongshoreError(`${what} cannot leave its worker`, {
    code: 'ERR_UNCLONABLE',
    hint: 'Pass data: no functions, open files, sockets or objects with private state',
    origin: 'worker',
    cause,
  });
}
