// How many workers are best? Runs the same tasks with each number of workers several times, and
// says which is the smallest that is as good as the best.
//
//   node examples/worker-sweep.ts
//   node examples/worker-sweep.ts --workers 1,2,4,8,16 --repeats 5 --kind processes
//   node examples/worker-sweep.ts --module ./my-work.ts --export resize --inputs '["a.png","b.png"]'
//
// The runs come in random order. In a sweep that rises with time, whatever else changes with time
// (a cache, a throttle, another user) looks like an effect of the workers. In a project that has the
// package installed, import from 'longshore/concurrency' instead of the path below.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  createPool,
  onInterrupt,
  type Pool,
  type PoolKind,
  type TaskReference,
  task,
} from '../packages/longshore/src/concurrency/index.ts';

const HELP = `node examples/worker-sweep.ts [options]
  --workers LIST    numbers of workers to try (1,2,4,8)
  --repeats N       runs of each (3)
  --tasks N         tasks in a run (16)
  --wait MS         milliseconds a task waits (20)
  --bytes N         bytes it hashes after that (1000000)
  --kind KIND       threads, processes or inline (threads)
  --module PATH     measure a function of your own module
  --export NAME     that function's name (default)
  --inputs JSON     its inputs, a JSON array`;

/** A pool of workers for any function, which keeps what its latest run took. */
class Workers {
  readonly workers: number;
  readonly #pool: Pool;

  constructor(workers = 4, kind: PoolKind = 'threads') {
    this.workers = workers;
    this.#pool = createPool({ kind, width: workers });
  }

  /** Results in the order of the tasks. */
  run<I, R>(func: TaskReference<I, R>, tasks: readonly I[], signal?: AbortSignal): Promise<R[]> {
    return this.#pool.map(func, tasks, { signal });
  }

  /** Seconds the latest run took. */
  get runtime(): number {
    return (this.#pool.runtimeMs ?? 0) / 1000;
  }

  terminate(): Promise<void> {
    return this.#pool.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.close();
  }
}

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2,4,8' },
    repeats: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '16' },
    wait: { type: 'string', default: '20' },
    bytes: { type: 'string', default: '1000000' },
    kind: { type: 'string', default: 'threads' },
    module: { type: 'string' },
    export: { type: 'string', default: 'default' },
    inputs: { type: 'string', default: '[]' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const KINDS: Record<string, PoolKind> = {
  processes: 'processes',
  threads: 'threads',
  inline: 'inline',
};
const kind = KINDS[values.kind];
if (kind === undefined) throw new Error(`--kind is threads, processes or inline\n${HELP}`);
const counts = values.workers.split(',').map(Number);
const repeats = Number(values.repeats);

const { func, inputs } = values.module === undefined ? ownWork() : yourWork(values.module);
const stop = new AbortController();
let current: Workers | undefined;
using _interrupt = onInterrupt({
  drain: () => {
    console.log('Interrupted: the run is ended; Ctrl-C again kills its workers');
    stop.abort();
  },
  terminate: () => current?.terminate(),
});

const runs = shuffle(counts.flatMap((workers) => Array.from({ length: repeats }, () => workers)));
const seconds = new Map<number, number[]>(counts.map((workers) => [workers, []]));
for (const [at, workers] of runs.entries()) {
  if (stop.signal.aborted) break;
  try {
    await using pool = new Workers(workers, kind);
    current = pool;
    // Starting workers is not what is asked about, so every one of them gets to work once before.
    await pool.run(func, inputs.slice(0, workers), stop.signal);
    await pool.run(func, inputs, stop.signal);
    seconds.get(workers)?.push(pool.runtime);
    console.log(
      `run ${at + 1} of ${runs.length}: ${workers} workers, ${pool.runtime.toFixed(3)} s`,
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
if (stop.signal.aborted) process.exitCode = 130;
else report();

function report(): void {
  console.log('\nworkers  median s  fastest s  slowest s');
  const rows = counts.map((workers) => {
    const times = (seconds.get(workers) ?? []).toSorted((a, b) => a - b);
    const median = times[times.length >> 1] ?? Number.NaN;
    return {
      workers,
      median,
      fastest: times[0] ?? Number.NaN,
      slowest: times.at(-1) ?? Number.NaN,
    };
  });
  for (const { workers, median, fastest, slowest } of rows) {
    const cells = [median, fastest, slowest].map((value) => value.toFixed(3).padStart(10));
    console.log(`${String(workers).padStart(7)}${cells.join(' ')}`);
  }
  const best = Math.min(...rows.map(({ median }) => median));
  const enough = rows.filter(({ median }) => median <= best * 1.05);
  const fewest = Math.min(...enough.map(({ workers }) => workers));
  console.log(
    `\n${fewest} workers: the fewest whose median is within 5% of the best (${best.toFixed(3)} s)`,
  );
  if (repeats < 5) console.log(`${repeats} runs of each are few: read this as a hint`);
}

function ownWork(): { func: TaskReference<unknown, unknown>; inputs: unknown[] } {
  const module = new URL('./worker-sweep.tasks.ts', import.meta.url);
  const layer = { bytes: Number(values.bytes), waitMs: Number(values.wait) };
  return {
    func: task(module, 'fetchLayer'),
    inputs: Array.from({ length: Number(values.tasks) }, () => layer),
  };
}

function yourWork(module: string): { func: TaskReference<unknown, unknown>; inputs: unknown[] } {
  const parsed: unknown = JSON.parse(values.inputs);
  if (!Array.isArray(parsed)) throw new Error('--inputs is a JSON array');
  return { func: task(resolve(module), values.export), inputs: parsed };
}

function shuffle<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
