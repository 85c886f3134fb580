import { type FileHandle, open } from 'node:fs/promises';
import { onAbort } from '../concurrency/index.ts';
import { LongshoreError } from '../errors.ts';
import type { Descriptor, Digest } from '../image/index.ts';
import type { FileIngest } from './fileIngest.ts';

const READ_BYTES = 256 * 1024;

export interface FollowRequest {
  readonly blob: Pick<Descriptor, 'digest' | 'size'>;
  /** The blob's bytes where it is whole already. */
  readonly whole: () => Promise<AsyncIterable<Uint8Array> | undefined>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gives blobs to read while they come in. What an ingest has in order does not change any more, as the
 * first to write a byte wins; so it can be read from the same file before it is verified. The end is
 * given only once it is.
 */
export class Followers {
  readonly #ingests = new Map<Digest, FileIngest>();
  readonly #bells = new Map<Digest, Set<Bell>>();

  opened(ingest: FileIngest): void {
    this.#ingests.set(ingest.descriptor.digest, ingest);
    this.wake(ingest.descriptor.digest);
  }

  ended(ingest: FileIngest): void {
    const { digest } = ingest.descriptor;
    if (this.#ingests.get(digest) === ingest) this.#ingests.delete(digest);
    this.wake(digest);
  }

  /** More of the blob is there, or all of it. */
  wake(digest: Digest): void {
    for (const bell of this.#bells.get(digest) ?? []) bell.ring();
  }

  async *follow({ blob, whole, signal }: FollowRequest): AsyncGenerator<Uint8Array> {
    const bells = this.#bells.get(blob.digest) ?? new Set();
    const bell = new Bell(signal);
    this.#bells.set(blob.digest, bells.add(bell));
    try {
      for (;;) {
        const ingest = this.#ingests.get(blob.digest);
        if (ingest !== undefined) return yield* readAlong(ingest, bell);
        const bytes = await whole();
        if (bytes !== undefined) return yield* bytes;
        await bell.rung();
      }
    } finally {
      bells.delete(bell);
      if (bells.size === 0) this.#bells.delete(blob.digest);
      bell[Symbol.dispose]();
    }
  }
}

/** Remembers that it was rung while nobody listened. */
class Bell implements Disposable {
  readonly #signal: AbortSignal | undefined;
  readonly #watch: Disposable;
  #wasRung = false;
  #resolve: () => void = () => undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#watch = onAbort(signal, () => this.ring());
  }

  ring(): void {
    this.#wasRung = true;
    this.#resolve();
  }

  /** Waits for it to ring, unless it has since the last time; throws once the signal is aborted. */
  async rung(): Promise<void> {
    if (!this.#wasRung) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#wasRung = false;
    this.#signal?.throwIfAborted();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}

async function* readAlong(ingest: FileIngest, bell: Bell): AsyncGenerator<Uint8Array> {
  const { digest, size } = ingest.descriptor;
  const file = await openData(ingest);
  try {
    for (let at = 0; ingest.outcome !== 'published' || at < size; ) {
      if (ingest.outcome === 'given-up') throw withdrawn(digest);
      const end = Math.min(ingest.prefixBytes, at + READ_BYTES);
      const isWorth = end - at === READ_BYTES || end === size;
      if (end <= at || !isWorth) {
        await bell.rung();
        continue;
      }
      const buffer = Buffer.allocUnsafeSlow(end - at);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw withdrawn(digest);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openData({ dataPath, descriptor }: FileIngest): Promise<FileHandle> {
  try {
    return await open(dataPath, 'r');
  } catch {
    // It has ended a moment ago, one way or the other.
    throw withdrawn(descriptor.digest);
  }
}

function withdrawn(digest: Digest): LongshoreError {
  return new LongshoreError(`What had come of ${digest} was not kept`, {
    code: 'ERR_BLOB_WITHDRAWN',
    origin: 'store',
    retryable: true,
  });
}
