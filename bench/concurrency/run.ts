// What the concurrency room costs, beside p-queue, piscina and tinypool in the same run.
//
//   npm --prefix bench/concurrency install
//   node --expose-gc bench/concurrency/run.ts [--rounds 5] [--out FILE]
//
// Exits with 1 when a bound of the room is broken.
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import PQueue from 'p-queue';
import { Piscina } from 'piscina';
import Tinypool from 'tinypool';
import {
  createLimiter,
  createPool,
  createQueue,
  type PoolKind,
  pipeline,
  task,
} from '../../packages/longshore/src/concurrency/index.ts';
import { compare, type Measured, pairedRatio } from './measure.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, out: { type: 'string' } },
});
const rounds = Number(flags.rounds);
const WIDTH = 2;
const noopUrl = new URL('./noop.js', import.meta.url);
const noop = task<(input: number) => number>(noopUrl, 'noop');

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

async function microsecondsEach(count: number, run: () => Promise<unknown>): Promise<number> {
  globalThis.gc?.();
  const started = performance.now();
  await run();
  return ((performance.now() - started) * 1000) / count;
}

async function permitPairs(): Promise<number> {
  const limiter = createLimiter({ name: 'bench', width: 8 });
  const count = 500_000;
  let left = count;
  // Twice as many as there are permits, so that half of them always wait.
  const micros = await microsecondsEach(count, () =>
    Promise.all(
      numbers(16).map(async () => {
        while (left > 0) {
          left -= 1;
          using _permit = await limiter.acquire();
          await Promise.resolve();
        }
      }),
    ),
  );
  return 1e6 / micros;
}

async function queuedItems(): Promise<{
  readonly microseconds: number;
  readonly bytesEach: number;
}> {
  const count = 1_000_000;
  const queue = createQueue<number>();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const started = performance.now();
  for (let item = 0; item < count; item += 1) await queue.put(item);
  globalThis.gc?.();
  const bytesEach = (process.memoryUsage().heapUsed - before) / count;
  let sum = 0;
  for (let item = 0; item < count; item += 1) sum += await queue.get();
  const microseconds = ((performance.now() - started) * 1000) / count;
  if (sum !== (count * (count - 1)) / 2) throw new Error('the queue lost an item');
  return { microseconds, bytesEach };
}

/** Items through a queue that is never long: the heap afterwards against the heap before. */
async function heapAfterMillion(): Promise<number> {
  const queue = createQueue<object>({ capacity: 64 });
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const reading = (async () => {
    let read = 0;
    for await (const _item of queue) read += 1;
    return read;
  })();
  for (let item = 0; item < 1_000_000; item += 1) await queue.put({ item });
  await queue.close();
  if ((await reading) !== 1_000_000) throw new Error('the queue lost an item');
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed - before) / 1e6;
}

const COUNT = 100_000;
const items = numbers(COUNT);

const oneStage = [
  {
    name: 'pipeline(), one stage',
    run: () =>
      microsecondsEach(COUNT, () =>
        pipeline(items)
          .stage({ name: 'work', width: 8, run: async (item) => item })
          .run(),
      ),
  },
  {
    name: 'p-queue addAll',
    run: () =>
      microsecondsEach(COUNT, () =>
        new PQueue({ concurrency: 8 }).addAll(items.map((item) => async () => item)),
      ),
  },
];

const twoStages = [
  {
    name: 'pipeline(), two stages',
    run: () =>
      microsecondsEach(COUNT, () =>
        pipeline(items)
          .stage({ name: 'wide', width: 8, run: async (item) => item })
          .stage({ name: 'narrow', width: 2, run: async (item) => item })
          .run(),
      ),
  },
  {
    name: 'two p-queues, the first holding back for the second',
    run: () =>
      microsecondsEach(COUNT, () => {
        const wide = new PQueue({ concurrency: 8 });
        const narrow = new PQueue({ concurrency: 2 });
        return wide.addAll(
          items.map((item) => async () => {
            const built = await (async () => item)();
            return narrow.add(async () => built);
          }),
        );
      }),
  },
];

const TASKS = 20_000;
const inputs = numbers(TASKS);

function ours(kind: PoolKind, count: number): () => Promise<number> {
  return async () => {
    const pool = createPool({ kind, width: WIDTH });
    await pool.map(noop, numbers(WIDTH * 2));
    const micros = await microsecondsEach(count, () => pool.map(noop, inputs.slice(0, count)));
    await pool.close();
    return micros;
  };
}

async function piscina(): Promise<number> {
  const pool = new Piscina({ filename: noopUrl.href, minThreads: WIDTH, maxThreads: WIDTH });
  await Promise.all(numbers(WIDTH * 2).map((item) => pool.run(item)));
  const micros = await microsecondsEach(TASKS, () =>
    Promise.all(inputs.map((item) => pool.run(item))),
  );
  await pool.destroy();
  return micros;
}

function tinypool(runtime: 'worker_threads' | 'child_process', count: number) {
  return async (): Promise<number> => {
    const pool = new Tinypool({
      filename: noopUrl.href,
      runtime,
      minThreads: WIDTH,
      maxThreads: WIDTH,
    });
    await Promise.all(numbers(WIDTH * 2).map((item) => pool.run(item)));
    const micros = await microsecondsEach(count, () =>
      Promise.all(inputs.slice(0, count).map((item) => pool.run(item))),
    );
    await pool.destroy();
    return micros;
  };
}

const loadBefore = loadavg();
const measured: Record<string, Measured[]> = {
  permits: await compare('pairs/s', [{ name: 'limiter, contended', run: permitPairs }], rounds),
  oneStage: await compare('µs/item', oneStage, rounds),
  twoStages: await compare('µs/item', twoStages, rounds),
  threads: await compare(
    'µs/task',
    [
      { name: 'Pool.map on threads', run: ours('threads', TASKS) },
      { name: 'piscina', run: piscina },
      { name: 'tinypool, worker_threads', run: tinypool('worker_threads', TASKS) },
    ],
    rounds,
  ),
  processes: await compare(
    'µs/task',
    [
      { name: 'Pool.map on processes', run: ours('processes', 5000) },
      { name: 'tinypool, child_process', run: tinypool('child_process', 5000) },
    ],
    rounds,
  ),
};
const queued = await queuedItems();
const heapGrowthMb = await heapAfterMillion();

const ratio = (group: string): number => pairedRatio(measured[group]?.[0], measured[group]?.[1]);
const permits = measured['permits']?.[0]?.median ?? 0;
const bounds = [
  { what: 'permit pairs a second', value: permits, bound: 200_000, ok: permits >= 200_000 },
  ...[
    { what: 'pipeline, one stage / p-queue', value: ratio('oneStage'), bound: 2 },
    { what: 'pipeline, two stages / two p-queues', value: ratio('twoStages'), bound: 2 },
    { what: 'Pool.map on threads / piscina', value: ratio('threads'), bound: 1.2 },
    { what: 'heap bytes per queued small number', value: queued.bytesEach, bound: 24 },
    { what: 'heap MB grown by 1,000,000 items that passed', value: heapGrowthMb, bound: 2 },
  ].map(({ what, value, bound }) => ({ what, value, bound, ok: value <= bound })),
];

for (const group of Object.values(measured)) {
  for (const { name, unit, median } of group)
    console.log(`${median.toFixed(2).padStart(12)} ${unit.padEnd(8)} ${name}`);
}
console.log(
  `${queued.microseconds.toFixed(2).padStart(12)} µs/item  queue put and get, 1,000,000 queued at once`,
);
for (const { what, value, bound, ok } of bounds) {
  console.log(`${ok ? 'ok    ' : 'BROKEN'} ${what}: ${value.toFixed(2)} (bound ${bound})`);
}
const result = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: availableParallelism(),
  loadBefore,
  loadAfter: loadavg(),
  rounds,
  measured,
  queued,
  heapGrowthMb,
  bounds,
};
if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(result, null, 2)}\n`);
if (bounds.some(({ ok }) => !ok)) process.exitCode = 1;
