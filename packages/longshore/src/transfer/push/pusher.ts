import { setMaxListeners } from 'node:events';
import { LongshoreError } from '../../errors.ts';
import {
  type Descriptor,
  formatReference,
  parseReference,
  type Reference,
} from '../../image/index.ts';
import { every, steadyNow } from '../clock.ts';
import { summariseError } from '../errors.ts';
import type { EventListener } from '../events.ts';
import { shortName } from '../imageRecord.ts';
import type { Settled } from '../lanes.ts';
import { ProgressTicker } from '../progress.ts';
import { Stopping } from '../stopping.ts';
import { BlobDesk } from './blobDesk.ts';
import type { PushContext } from './context.ts';
import { profileOf } from './profiles.ts';
import { createRegistryDesk, pushImage, type RegistryDesk } from './pushImage.ts';
import { findReferrers, type Referrers } from './referrers.ts';
import type { ImageToPush, PushedImage, PusherOptions } from './types.ts';
import { UploadLane } from './uploadLane.ts';

const DRAIN_TIMEOUT_MS = 15_000;
/** How often the controllers look: a tenth of the shortest time that they judge by. */
const TICK_MS = 100;

export interface PushRequest {
  /** Called when everything is there but the tag; what it throws keeps the tag as it is. */
  readonly beforeTag?: (() => Promise<void>) | undefined;
  /**
   * Another repository of the registry that may have its blobs already: they are mounted from there.
   * @defaultValue that of `source`, where it is at the same registry
   */
  readonly sibling?: string | undefined;
}

/** Pushes images as they come, for as long as it is open. */
export interface Pusher extends AsyncDisposable {
  /**
   * Pushes one image; it ends in exactly one state, which is told and never thrown. `ERR_CANCELLED`
   * does not count as a failure.
   */
  push(image: ImageToPush, request?: PushRequest): Promise<PushedImage>;
  /** For each registry that was sent to. */
  settled(): Settled[];
  readonly sentBytes: number;
  /** Everything stops at once; for `--fail-fast`. */
  stop(reason: unknown): void;
  /** Waits for what is under way, and for goodbyes to registries. */
  close(): Promise<void>;
}

/** Opens the one push engine, for `push`, `copy` and the pipeline of builds alike. */
export function openPusher(options: PusherOptions): Pusher {
  return new OpenPusher(options);
}

/** What is to be pushed where, once the store has been asked. */
interface FoundImage {
  readonly source: Reference;
  readonly destination: Reference;
  readonly descriptor: Descriptor;
}

class OpenPusher implements Pusher {
  readonly #options: PusherOptions;
  readonly #now: () => number;
  readonly #emit: EventListener;
  readonly #stopping: Stopping;
  readonly #progress: ProgressTicker;
  readonly #ticking: Disposable;
  readonly #context: PushContext;
  readonly #desks = new Map<string, RegistryDesk>();
  #lastTurn: Promise<void> = Promise.resolve();
  readonly #tags = new Map<string, Descriptor>();
  readonly #open = new Set<Promise<unknown>>();
  readonly #counts = { total: 0, done: 0, failed: 0 };
  #planned = { bytes: 0, blobs: 0 };
  #referrers: Promise<Referrers> | undefined;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#now = options.now ?? steadyNow;
    this.#emit = options.onEvent ?? (() => undefined);
    this.#stopping = new Stopping({
      drain: options.drain,
      signal: options.signal,
      drainTimeoutMs: options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS,
      onDrain: () => this.#emit({ type: 'run.draining', at: this.#now() }),
    });
    // Every blob of every image listens to them.
    setMaxListeners(0, this.#stopping.drain, this.#stopping.signal);
    this.#progress = new ProgressTicker({
      now: this.#now,
      emit: this.#emit,
      totalBytes: () => this.#planned.bytes,
      blobs: () => this.#planned.blobs,
      width: () => this.#width(),
      images: () => this.#counts,
    });
    this.#ticking = every(TICK_MS, () => {
      for (const { lane } of this.#desks.values()) lane.tick();
    });
    this.#context = this.#createContext();
  }

  get sentBytes(): number {
    return this.#progress.fetchedBytes;
  }

  settled(): Settled[] {
    return Array.from(this.#desks.values(), ({ lane }) => lane.settled()).filter(
      (settled) => settled !== undefined,
    );
  }

  stop(reason: unknown): void {
    this.#stopping.now(reason);
  }

  async push(image: ImageToPush, request: PushRequest = {}): Promise<PushedImage> {
    const startedAt = this.#now();
    const place = this.#counts.total;
    this.#counts.total += 1;
    const known: { destination?: string; digest?: Descriptor['digest'] } = {};
    const report = (ending: Pick<PushedImage, 'state' | 'error'>): PushedImage => {
      const milliseconds = this.#now() - startedAt;
      return { source: image.source, ...known, ...ending, milliseconds };
    };
    try {
      const { source, destination, descriptor } = await this.#inTurn(this.#find(image), (found) => {
        known.destination = formatReference(found.destination);
        known.digest = found.descriptor.digest;
        this.#claim(found.destination, found.descriptor);
      });
      const name = formatReference(destination);
      const pushing = pushImage(
        {
          turn: place,
          descriptor,
          destination,
          label: shortName(name),
          // Where it was pulled from, its blobs are likely to be still: they can be mounted.
          sibling: request.sibling ?? siblingOf(source, destination),
          to: this.#deskFor(destination),
          referrers: await this.#allReferrers(),
          beforeTag: request.beforeTag,
        },
        this.#context,
      );
      const state = await this.#track(pushing);
      this.#counts.done += 1;
      const at = this.#now();
      this.#emit({
        type: 'image.done',
        at,
        image: place,
        reference: name,
        digest: descriptor.digest,
        milliseconds: at - startedAt,
        how: state,
      });
      return report({ state });
    } catch (error) {
      if (this.#stopping.drain.aborted) return report({ state: 'cancelled' });
      this.#counts.failed += 1;
      const summary = summariseError(error);
      const reference = known.destination ?? image.source;
      this.#emit({
        type: 'image.failed',
        at: this.#now(),
        image: place,
        reference,
        error: summary,
      });
      return report({ state: 'failed', error: summary });
    }
  }

  async close(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
    this.#ticking[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
    this.#stopping[Symbol.dispose]();
    const ceilings = Array.from(
      this.#desks.values(),
      ({ lane }) => [lane.registry, lane.ceiling()] as const,
    ).flatMap(([registry, ceiling]) =>
      ceiling === undefined ? [] : [[registry, ceiling] as const],
    );
    await this.#options.memory?.remember(ceilings);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #createContext(): PushContext {
    const { store, registry, chunkBytes, random } = this.#options;
    return {
      store,
      registry,
      progress: this.#progress,
      chunkBytes,
      emit: this.#emit,
      now: this.#now,
      random: random ?? Math.random,
      drain: this.#stopping.drain,
      signal: this.#stopping.signal,
      onPlanned: (bytes) => {
        this.#planned.bytes += bytes;
        this.#planned.blobs += 1;
      },
      later: (work) => void this.#track(work),
    };
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#open.delete(tracked));
    this.#open.add(tracked);
    return tracked;
  }

  #width(): number {
    let width = 0;
    for (const { lane } of this.#desks.values()) width += lane.width;
    return width;
  }

  /** The store is read at once for many; names go to those who asked first all the same. */
  async #inTurn(
    finding: Promise<FoundImage>,
    act: (found: FoundImage) => void,
  ): Promise<FoundImage> {
    const before = this.#lastTurn;
    const turn = Promise.withResolvers<void>();
    this.#lastTurn = turn.promise;
    try {
      const found = await finding;
      await before;
      act(found);
      return found;
    } finally {
      void before.then(turn.resolve);
    }
  }

  async #find(image: ImageToPush): Promise<FoundImage> {
    this.#stopping.drain.throwIfAborted();
    const source = parseReference(image.source);
    const destination =
      image.destination === undefined ? source : parseReference(image.destination);
    const name = formatReference(source);
    const descriptor = image.descriptor ?? (await this.#options.store.getReference(name));
    if (descriptor === undefined) throw notInStore(name, this.#options.store.path);
    const { digest } = destination;
    if (digest !== undefined && digest !== descriptor.digest) {
      throw new LongshoreError(
        `${formatReference(destination)} names another image than ${name}, which is ${descriptor.digest}`,
        { code: 'ERR_DIGEST_MISMATCH', origin: 'input', hint: 'Push it to a tag instead' },
      );
    }
    return { source, destination, descriptor };
  }

  /** Two images cannot both have one name. */
  #claim(destination: Reference, descriptor: Descriptor): void {
    const name = formatReference(destination);
    const first = this.#tags.get(name);
    if (first !== undefined && first.digest !== descriptor.digest) {
      throw new LongshoreError(`${name} is the destination of two different images`, {
        code: 'ERR_DESTINATION_TWICE',
        origin: 'input',
        hint: 'Give each image a name of its own',
      });
    }
    this.#tags.set(name, descriptor);
  }

  #deskFor({ registry }: Reference): RegistryDesk {
    const known = this.#desks.get(registry);
    if (known !== undefined) return known;
    const created = this.#createDesk(registry);
    this.#desks.set(registry, created);
    return created;
  }

  #createDesk(registry: string): RegistryDesk {
    const { pushers, maxPushers, memory, random, startAt } = this.#options;
    const profile = profileOf(registry);
    const lane = new UploadLane({
      registry,
      pushers,
      most: maxPushers,
      remembered: memory?.recall(registry),
      start: startAt?.(registry),
      now: this.#now,
      random: random ?? Math.random,
      onWidth: (width, reason) =>
        this.#emit({ type: 'push.width', at: this.#now(), registry, width, reason }),
      chunks: profile.chunks,
    });
    return createRegistryDesk(lane, new BlobDesk(profile.mounts));
  }

  #allReferrers(): Promise<Referrers> {
    this.#referrers ??= findReferrers(this.#options.store);
    return this.#referrers;
  }
}

function siblingOf(source: Reference, destination: Reference): string | undefined {
  return source.registry === destination.registry ? source.repository : undefined;
}

function notInStore(name: string, path: string): LongshoreError {
  return new LongshoreError(`The store at ${path} has no image ${name}`, {
    code: 'ERR_IMAGE_NOT_FOUND',
    origin: 'store',
    hint: 'longshore cache ls lists what it has; pull or build it first',
  });
}
