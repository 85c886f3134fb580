import { Worker } from 'node:worker_threads';
import { workerEntry } from '../workerEntry.ts';
import type { HashOrder, HashReply } from './hashMessages.ts';

/** Who hears of one file. */
export interface HashListener {
  onReply(reply: HashReply): void;
  /** The thread is gone, or never came. */
  onGone(): void;
}

/** A file that the thread knows. */
export interface FileInThread {
  post(order: FileOrder): void;
  /** Forgets the listener. */
  end(): void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** An order without the number of the file it is for. */
export type FileOrder = WithoutId<HashOrder>;

/** Starting the thread and reading back cost more than it saves for less than this (docs/adr/0021). */
export const HASH_THREAD_BYTES: number = 32 * 1024 * 1024;
/** Once it runs, this is worth the messages. */
const RUNNING_BYTES = 1024 * 1024;
/** What is kept is read back at its end, in a tenth of a second; larger files are always for the thread. */
const KEEP_BYTES = 128 * 1024 * 1024;

/**
 * One thread that hashes for all ingests of a store, started by the first that needs it. It does
 * not keep the process alive, except while something waits for what it says.
 */
export class HashThread {
  readonly #leastBytes: number;
  readonly #files = new Map<number, { readonly listener: HashListener; readonly size: number }>();
  #worker: Worker | undefined;
  #lastId = 0;
  #waiting = 0;
  /** Bytes of the files that were kept off it. */
  #kept = 0;

  /** @param leastBytes the smallest file that it is started for */
  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes;
  }

  /** Whether a file of this size is worth the trip. */
  pays(size: number): boolean {
    const running = this.#worker !== undefined;
    return size >= (running ? Math.min(RUNNING_BYTES, this.#leastBytes) : this.#leastBytes);
  }

  /**
   * Takes a file off the thread, for balance: pieces that come out of order are hashed at the end, of
   * all files at the same time, when who asks has nothing left to write.
   * @returns to call when the file is done; `undefined` when the thread should hash it
   */
  keep(size: number): (() => void) | undefined {
    // While the thread starts, twice the smallest file for it is hashed here as well.
    let share = 2 * this.#leastBytes;
    for (const file of this.#files.values()) share += file.size;
    if (size > KEEP_BYTES || this.#kept + size > share) return undefined;
    this.#kept += size;
    return () => {
      this.#kept -= size;
    };
  }

  open(listener: HashListener, size: number): FileInThread {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#files.set(id, { listener, size });
    return {
      post: (order) => {
        if (order.kind === 'report' || order.kind === 'close') this.#expect(1);
        this.#start().postMessage({ ...order, id }, []);
      },
      end: () => void this.#files.delete(id),
    };
  }

  /** Ends the thread. A store that is used again starts another. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(workerEntry('hashEntry', import.meta.url), {
      name: 'longshore-hash',
      // Flags of this process are about its own main program.
      execArgv: [],
      // It makes next to no garbage.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    });
    worker.on('message', (reply: HashReply) => {
      if (reply.kind !== 'failed') this.#expect(-1);
      this.#files.get(reply.id)?.listener.onReply(reply);
    });
    // Its exit follows, and then all is hashed by those who asked for it.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#onExit());
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #expect(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#waiting > 0) this.#start().ref();
    else this.#worker?.unref();
  }

  #onExit(): void {
    this.#worker = undefined;
    this.#waiting = 0;
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { listener } of files) listener.onGone();
  }
}
