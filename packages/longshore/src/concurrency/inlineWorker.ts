import { TaskRunner } from './taskRunner.ts';
import type { SpawnWorker } from './workerHandle.ts';

/**
 * Workers that are only a place to run an async function in this thread. They cannot be stopped:
 * killing one aborts its task's signal and lets go of it, and what it still returns is ignored.
 * The initialiser runs once, since all of them share one memory.
 */
export function createInlineSpawn(): SpawnWorker {
  let initialised: Promise<unknown> | undefined;

  return (events) => {
    let gone = false;
    const runner = new TaskRunner({
      ready: () => gone || events.ready(),
      broken: (thrown) => gone || events.broken(thrown),
      result: (id, value) => gone || events.result(id, value),
      failed: (id, thrown) => gone || events.failed(id, thrown),
      progress: (id, data) => gone || events.progress(id, data),
    });

    function leave(how: string): void {
      if (gone) return;
      gone = true;
      runner.abortAll(new DOMException('the task was abandoned', 'AbortError'));
      queueMicrotask(() => events.gone(how, undefined));
    }

    return {
      start: (worker, initialiser) => {
        const before = initialised;
        initialised =
          before === undefined
            ? runner.start(worker, initialiser)
            : before.then(() => runner.start(worker, undefined));
      },
      // Later, as elsewhere: a function that answers at once would answer before its pool has noted
      // that it runs, and a thousand of them would nest.
      run: (id, task, input) => queueMicrotask(() => void runner.run(id, task, input)),
      abort: (id, reason) => runner.abort(id, reason),
      reply: () => {},
      stop: () => leave('left'),
      kill: () => leave('was abandoned'),
      keepAlive: () => {},
    };
  };
}
