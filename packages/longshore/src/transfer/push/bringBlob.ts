import { setTimeout as sleep } from 'node:timers/promises';
import { isLongshoreError, LongshoreError } from '../../errors.ts';
import { type Descriptor, shortDigest } from '../../image/index.ts';
import type { RepositoryAddress, UploadSession } from '../../registry/index.ts';
import { BlobActivity } from '../activity.ts';
import { summariseError } from '../errors.ts';
import { afterFailure, isThrottled, NO_TROUBLE, retryAfterMs, type Trouble } from '../retry.ts';
import type { BlobDesk } from './blobDesk.ts';
import type { PushContext } from './context.ts';
import { fileBody } from './fileBody.ts';
import type { Upload } from './upload.ts';
import type { UploadLane } from './uploadLane.ts';

/** Uploads of one blob that are cut before it is given up: with the waits between, half an hour. */
const MOST_CUTS = 12;
/** After a cut in which all was handed over: perhaps this registry is slow to answer. Doubles. */
const FIRST_PATIENCE_MS = 10_000;

/** One blob for one repository. */
export interface BlobJob {
  /** Of the image that needed it first; the lowest goes first. */
  readonly turn: number;
  readonly descriptor: Descriptor;
  readonly repository: RepositoryAddress;
  readonly label: string;
  readonly lane: UploadLane;
  readonly desk: BlobDesk;
  /** A repository that may have it, to mount from where none is known to. */
  readonly sibling: string | undefined;
  /** Sends it whatever the registry says it has. */
  readonly force: boolean;
  /** Aborted when nobody needs it any more. */
  readonly unneeded: AbortSignal;
}

export type HowPushed = 'uploaded' | 'mounted' | 'present';

/**
 * Sees to it that a repository has a blob: asks, mounts it from a sibling, or uploads it, whatever
 * it takes. A blob that several repositories of a registry need is uploaded to one of them, and the
 * others wait and mount it.
 */
export async function bringBlob(job: BlobJob, context: PushContext): Promise<HowPushed> {
  return new BlobBringer(job, context).run();
}

class BlobBringer {
  readonly #job: BlobJob;
  readonly #context: PushContext;
  readonly #activity: BlobActivity;
  /** Nothing is begun once this is aborted. */
  readonly #drain: AbortSignal;
  readonly #stop: AbortSignal;
  #session: UploadSession | undefined;
  #trouble: Trouble = NO_TROUBLE;
  #cuts = 0;
  #patienceMs = 0;
  #chunked: boolean;
  #sentBytes = 0;

  constructor(job: BlobJob, context: PushContext) {
    this.#job = job;
    this.#context = context;
    this.#drain = AbortSignal.any([context.drain, job.unneeded]);
    this.#stop = AbortSignal.any([context.signal, job.unneeded]);
    this.#chunked = context.chunkBytes !== undefined && job.lane.chunks;
    this.#activity = new BlobActivity({ ...job, partialBytes: 0 }, context.now());
  }

  async run(): Promise<HowPushed> {
    const { descriptor, repository, desk } = this.#job;
    const { emit, now } = this.#context;
    const startedAt = now();
    try {
      const how = await this.#bring();
      desk.note(descriptor.digest, repository.repository);
      emit({
        type: 'blob.pushed',
        at: now(),
        digest: descriptor.digest,
        size: descriptor.size,
        repository: `${repository.registry}/${repository.repository}`,
        how,
        sentBytes: this.#sentBytes,
        milliseconds: now() - startedAt,
      });
      return how;
    } catch (error) {
      if (!this.#drain.aborted) {
        const { digest } = descriptor;
        emit({ type: 'blob.failed', at: now(), digest, error: summariseError(error) });
      }
      throw error;
    } finally {
      this.#context.progress.active.delete(this.#activity);
      this.#dropSession();
    }
  }

  async #bring(): Promise<HowPushed> {
    const { descriptor, repository, desk, force, sibling } = this.#job;
    const { digest } = descriptor;
    if (force) return this.#upload();
    if (await this.#isThere()) return 'present';
    for (;;) {
      const from = desk.sourceFor(digest, repository.repository);
      if (from !== undefined) return (await this.#mount(from)) ? 'mounted' : this.#upload();
      const leader = desk.leading(digest);
      if (leader === undefined) break;
      // Its failure is told by those whose blob it was; here another takes the lead.
      await orAborted(leader, this.#drain).catch(() => undefined);
      this.#drain.throwIfAborted();
    }
    return desk.lead(digest, async () => {
      const guess = sibling === repository.repository || !desk.mayMount ? undefined : sibling;
      const mounted = guess !== undefined && (await this.#mount(guess));
      const how = mounted ? ('mounted' as const) : await this.#upload();
      desk.note(digest, repository.repository);
      return how;
    });
  }

  #isThere(): Promise<boolean> {
    const { descriptor, repository, lane } = this.#job;
    const signal = this.#drain;
    return lane.request(signal, () =>
      this.#context.registry.hasBlob(repository, descriptor, { signal }),
    );
  }

  async #mount(from: string): Promise<boolean> {
    const { descriptor, repository, lane, desk } = this.#job;
    const signal = this.#drain;
    try {
      const answer = await lane.request(signal, () =>
        this.#context.registry.mountBlob(repository, descriptor.digest, { from, signal }),
      );
      desk.mounted(descriptor.digest, from, answer === 'mounted');
      if (answer === 'mounted') return true;
      this.#session = answer;
    } catch (error) {
      // A mount that cannot be is no failure of the push: the bytes are here.
      if (signal.aborted || !isLongshoreError(error) || error.retryable) throw error;
      desk.mounted(descriptor.digest, from, false);
    }
    return false;
  }

  async #upload(): Promise<'uploaded'> {
    const { descriptor } = this.#job;
    this.#context.onPlanned(descriptor.size);
    for (;;) {
      try {
        await this.#attempt();
        this.#context.progress.blobDone(descriptor.size);
        return 'uploaded';
      } catch (error) {
        if (this.#drain.aborted) throw error;
        await this.#recover(error);
      }
    }
  }

  /** One go at it. The token is asked for now, in the slot, and not when the blob was queued. */
  async #attempt(): Promise<void> {
    const { descriptor, repository, lane, label } = this.#job;
    const { registry, progress } = this.#context;
    const { size } = descriptor;
    const permit = await lane.acquire({
      // What was cut goes before all, what is cut again and again behind all.
      priority: this.#cuts === 1 ? 1 : -this.#cuts,
      // So that those whose turn it was are up, though a run is stopped.
      turn: this.#job.turn,
      bytes: size,
      label,
      signal: this.#drain,
    });
    using upload = lane.begin({ permit, size, patienceMs: this.#patienceMs });
    progress.active.add(this.#activity);
    const signal = AbortSignal.any([this.#stop, upload.signal]);
    try {
      this.#session ??= await registry.startUpload(repository, { signal });
      this.#activity.doneBytes = this.#session.offset;
      this.#activity.state = 'moving';
      await registry.uploadBlob(this.#session, descriptor, {
        body: this.#body(upload),
        chunkBytes: this.#chunked ? this.#context.chunkBytes : undefined,
        onSession: (session) => {
          this.#session = session;
          upload.acknowledged();
        },
        signal,
      });
      this.#session = undefined;
      upload.end('finished');
    } catch (error) {
      this.#tell(upload, error);
      throw error;
    }
  }

  #body(upload: Upload) {
    const { descriptor } = this.#job;
    const { store, progress } = this.#context;
    return fileBody(store.blobPath(descriptor.digest), (bytes, offset) => {
      upload.moved(bytes, offset);
      progress.moved(bytes);
      this.#sentBytes += bytes;
      this.#activity.moved(bytes);
      if (upload.isHandedOver) this.#activity.state = 'committing';
    });
  }

  #tell(upload: Upload, error: unknown): void {
    if (upload.wasCut) {
      this.#cuts += 1;
      const { emit, now } = this.#context;
      const at = now();
      emit({
        type: 'upload.cut',
        at,
        digest: this.#job.descriptor.digest,
        registry: this.#job.repository.registry,
        silentMs: upload.silentMs(at),
        sentBytes: upload.sentBytes,
      });
      if (upload.isHandedOver) {
        this.#patienceMs = Math.max(FIRST_PATIENCE_MS, 2 * this.#patienceMs);
      }
    } else if (isThrottled(error)) {
      upload.end('refused', retryAfterMs(error));
    } else if (isLongshoreError(error) && error.origin === 'network') {
      upload.end('broken');
    }
  }

  async #recover(error: unknown): Promise<void> {
    const { emit, now, random, progress } = this.#context;
    const { digest } = this.#job.descriptor;
    const wasCut = isLongshoreError(error) && error.code === 'ERR_STALLED';
    if (wasCut && this.#cuts > MOST_CUTS) throw this.#givenUp(error);
    const next =
      wasCut && this.#cuts > 0
        ? { action: 'retry' as const, delayMs: 0, trouble: this.#trouble }
        : this.#decide(error, random());
    if (next.action === 'fail') throw error;
    this.#trouble = next.trouble;
    progress.active.delete(this.#activity);
    await this.#keepOrDropSession();
    emit({
      type: 'blob.retry',
      at: now(),
      digest,
      attempt: next.trouble.attempts + this.#cuts,
      delayMs: next.delayMs,
      offset: this.#session?.offset ?? 0,
      error: summariseError(error),
    });
    if (next.delayMs > 0) await sleep(next.delayMs, undefined, { signal: this.#drain });
  }

  #decide(error: unknown, random: number): ReturnType<typeof afterFailure> {
    if (isLongshoreError(error) && error.code === 'ERR_CHUNKS_UNSUPPORTED' && this.#chunked) {
      this.#chunked = false;
      this.#dropSession();
      return { action: 'retry', delayMs: 0, trouble: this.#trouble };
    }
    const heldBytes = this.#session?.offset ?? 0;
    return afterFailure(error, this.#trouble, { heldBytes, sources: 1, random });
  }

  /** Chunks that were acknowledged are kept; a broken PUT leaves nothing worth keeping. */
  async #keepOrDropSession(): Promise<void> {
    const session = this.#session;
    if (session === undefined || !this.#chunked || session.offset === 0) {
      this.#dropSession();
      return;
    }
    const { lane } = this.#job;
    const signal = this.#stop;
    try {
      this.#session = await lane.request(signal, () =>
        this.#context.registry.checkUpload(session, { signal }),
      );
    } catch (error) {
      if (signal.aborted) throw error;
      this.#dropSession();
    }
  }

  #dropSession(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) this.#context.later(this.#context.registry.deleteUpload(session));
  }

  #givenUp(cause: unknown): LongshoreError {
    const { descriptor, repository } = this.#job;
    return new LongshoreError(
      `${repository.registry} took none of ${this.#cuts} uploads of blob ${shortDigest(descriptor.digest)} to its end: each stood still`,
      {
        code: 'ERR_STALLED',
        origin: 'registry',
        hint: 'Try fewer at once (--pushers 1), or ask whoever runs the registry',
        cause,
      },
    );
  }
}

function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() =>
    signal.removeEventListener('abort', onAbort),
  );
}
