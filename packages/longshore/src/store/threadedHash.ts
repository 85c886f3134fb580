import type { FileHandle } from 'node:fs/promises';
import { type Digest, digestAlgorithm, parseDigest } from '../image/index.ts';
import { FrontierHash, type OrderedHash, type PrefixDigest } from './frontierHash.ts';
import type { HashReply } from './hashMessages.ts';
import type { FileInThread, HashListener, HashThread } from './hashThread.ts';
import type { RangeSet } from './rangeSet.ts';

/** How much more has to be there before the thread is told. */
const STEP_BYTES = 1024 * 1024;

/**
 * Hashes a file in order on another thread, from the file itself: what is hashed is what will be
 * read. Should the thread be lost, all is hashed anew on this one.
 */
export class ThreadedHash implements OrderedHash, HashListener {
  readonly #digest: Digest;
  readonly #file: FileHandle;
  readonly #landed: RangeSet;
  readonly #size: number;
  readonly #reports: PromiseWithResolvers<PrefixDigest | undefined>[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #thread: FileInThread | undefined;
  /** In place of the thread, once that is lost. */
  #here: FrontierHash | undefined;
  #told = 0;

  constructor(thread: HashThread, parts: HashedFileParts) {
    const { digest, file, landed, size } = parts;
    this.#digest = digest;
    this.#file = file;
    this.#landed = landed;
    this.#size = size;
    this.#thread = thread.open(this, size);
    this.#thread.post({ kind: 'open', algorithm: digestAlgorithm(digest), fd: file.fd });
  }

  offer(offset: number, chunk: Uint8Array): void {
    this.#here?.offer(offset, chunk);
  }

  follow(): void {
    this.#here?.follow();
    if (this.#thread === undefined) return;
    const end = this.#landed.endOf(0);
    if (end - this.#told >= STEP_BYTES || end === this.#size) this.#tell(end);
  }

  async settle(): Promise<PrefixDigest> {
    this.#tell(this.#landed.endOf(0));
    return (await this.#report()) ?? this.#hashHere().settle();
  }

  async prefix(): Promise<PrefixDigest> {
    return (await this.#report()) ?? this.#hashHere().prefix();
  }

  async stop(): Promise<void> {
    this.#thread?.post({ kind: 'close' });
    if (this.#thread !== undefined) await this.#closed.promise;
    await this.#here?.stop();
  }

  onReply(reply: HashReply): void {
    if (reply.kind === 'closed') {
      this.#lose();
    } else if (reply.kind === 'failed') {
      this.#hashHere();
      this.#lose();
    } else if (reply.kind === 'report') {
      const prefix = parseDigest(`${digestAlgorithm(this.#digest)}:${reply.hex}`);
      this.#reports.shift()?.resolve({ offset: reply.frontier, prefix });
    }
  }

  onGone(): void {
    this.#hashHere();
    this.#lose();
  }

  #tell(end: number): void {
    if (end <= this.#told) return;
    this.#told = end;
    this.#thread?.post({ kind: 'advance', end });
  }

  /** `undefined` when there is no thread to ask. */
  #report(): Promise<PrefixDigest | undefined> {
    if (this.#thread === undefined) return Promise.resolve(undefined);
    const report = Promise.withResolvers<PrefixDigest | undefined>();
    this.#reports.push(report);
    this.#thread.post({ kind: 'report' });
    return report.promise;
  }

  #lose(): void {
    this.#thread?.end();
    this.#thread = undefined;
    for (const report of this.#reports.splice(0)) report.resolve(undefined);
    this.#closed.resolve();
  }

  #hashHere(): FrontierHash {
    this.#here ??= new FrontierHash(this.#digest, this.#file, this.#landed);
    return this.#here;
  }
}

export interface HashedFileParts {
  readonly digest: Digest;
  readonly size: number;
  readonly file: FileHandle;
  /** What is in the file by now; the owner adds to it. */
  readonly landed: RangeSet;
}
