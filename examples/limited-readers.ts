// Many writers, few readers, a queue between them, each writer and each reader in a process of its
// own: what a program needs that builds a hundred images at once but may push only three at a time.
//
//   node examples/limited-readers.ts
//   node examples/limited-readers.ts --writers 20 --readers 2 --kind threads
//
// Ctrl-C lets what runs finish, a second one ends it now. In a project that has the package
// installed, import from 'longshore/concurrency' instead of the path below.
import { parseArgs } from 'node:util';
import {
  createPool,
  createQueue,
  onInterrupt,
  type PoolKind,
  task,
} from '../packages/longshore/src/concurrency/index.ts';
import type { Message, read, write } from './limited-readers.tasks.ts';

const HELP = `node examples/limited-readers.ts [options]
  --writers N       writers, all at once (10)
  --readers N       readers, at most so many at once (3)
  --max-write S     a writer works for a random time up to S seconds (10)
  --read-time S     a reader works for S seconds (3)
  --kind KIND       processes, threads or inline (processes)`;

const { values } = parseArgs({
  options: {
    writers: { type: 'string', default: '10' },
    readers: { type: 'string', default: '3' },
    'max-write': { type: 'string', default: '10' },
    'read-time': { type: 'string', default: '3' },
    kind: { type: 'string', default: 'processes' },
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
if (kind === undefined) throw new Error(`--kind is processes, threads or inline\n${HELP}`);
const numWriters = Number(values.writers);
const numReaders = Number(values.readers);
const tasks = new URL('./limited-readers.tasks.ts', import.meta.url);
const writing = task<typeof write>(tasks, 'write');
const reading = task<typeof read>(tasks, 'read');

const started = performance.now();
const writers = createPool({ kind, name: 'writers', width: numWriters });
const readers = createPool({ kind, name: 'readers', width: numReaders });
const queue = createQueue<Message>();
const drain = new AbortController();
using _interrupt = onInterrupt({
  drain: () => {
    console.log('Interrupted: what runs is finished; Ctrl-C again ends it now');
    drain.abort();
    void queue.close();
  },
  terminate: async () => {
    await Promise.all([writers.terminate(), readers.terminate()]);
  },
});

let readNow = 0;
let mostAtOnce = 0;
let messages = 0;

async function readOne(message: Message): Promise<void> {
  let began = false;
  await readers
    .submit(
      reading,
      { message, seconds: Number(values['read-time']) },
      {
        signal: drain.signal,
        onProgress: () => {
          began = true;
          readNow += 1;
          mostAtOnce = Math.max(mostAtOnce, readNow);
        },
      },
    )
    .finally(() => {
      if (began) readNow -= 1;
    });
  messages += 1;
}

async function writeAll(): Promise<void> {
  const handle = writers.share(queue);
  const longest = Number(values['max-write']);
  const inputs = Array.from({ length: numWriters }, (_, writer) => ({
    writer,
    seconds: Math.round((0.1 + 0.9 * Math.random()) * longest * 100) / 100,
    queue: handle,
  }));
  try {
    await writers.map(writing, inputs, { signal: drain.signal });
  } finally {
    await queue.close();
  }
}

async function readAll(): Promise<void> {
  const submitted: Promise<void>[] = [];
  for await (const message of queue) submitted.push(readOne(message));
  // A reader's error surfaces here, after the others have had their turn.
  for (const outcome of await Promise.allSettled(submitted)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

const outcomes = await Promise.allSettled([writeAll(), readAll()]);
await Promise.all([writers.close(), readers.close()]);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${messages} messages, at most ${mostAtOnce} readers at once, ${seconds} s`);
if (drain.signal.aborted) {
  console.log('Interrupted');
  process.exitCode = 130;
} else {
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
