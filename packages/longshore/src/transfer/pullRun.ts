import { createLimiter } from '../concurrency/index.ts';
import { formatPlatform, formatReference, parseReference } from '../image/index.ts';
import { Account, type Settlement } from './account.ts';
import { every, steadyNow } from './clock.ts';
import { summariseError } from './errors.ts';
import type { EventListener, PlanSummary } from './events.ts';
import { FanOut } from './fanOut.ts';
import { checkSpace, readHoldings } from './holdings.ts';
import { countImages, type ImageRecord, reportImage, shortName, totalSize } from './imageRecord.ts';
import { Lanes } from './lanes.ts';
import { BlobMove } from './moveBlob.ts';
import type { MoveContext } from './moveContext.ts';
import { runOutcome } from './outcome.ts';
import { Outputs } from './outputs.ts';
import {
  digestsOf,
  type PlannedBlob,
  type PullPlan,
  planPull,
  scheduleByImage,
  scheduleLargestFirst,
} from './plan.ts';
import { ProgressTicker } from './progress.ts';
import type { PullOptions, PullResult } from './pull.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';
import type { StoredImage } from './sinks/sink.ts';
import { Stopping } from './stopping.ts';

const DRAIN_TIMEOUT_MS = 10_000;
/** How often idle permits look for work: a permit idles half of this on average. */
const SPREAD_MS = 20;
/** Longer than a registry takes to fetch a blob from its own storage, shorter than patience. */
const SILENT_MS = 8000;
/** As many connections as `auto` opens at the most, over all servers. */
const MAX_CONNECTIONS = 64;
/** Images named and handed to `--to` at once: it is syncing, copying and linking on one disk. */
const PUBLISH_WIDTH = 4;
/** While one reads from the disk, the other is hashed. */
const VERIFY_WIDTH = 2;

/** One call of `pull`: resolve, plan, move, account. */
export class PullRun {
  readonly #options: PullOptions;
  readonly #now: () => number;
  readonly #emit: EventListener;
  readonly #startedAt: number;
  readonly #records: readonly ImageRecord[];
  readonly #lanes: Lanes;
  readonly #fanOut: FanOut;
  readonly #outputs: Outputs;
  readonly #publishing = createLimiter({ name: 'images being published', width: PUBLISH_WIDTH });
  readonly #verifying = createLimiter({ name: 'blobs being verified', width: VERIFY_WIDTH });
  readonly #stopping: Stopping;
  readonly #moves = new Map<string, BlobMove>();
  readonly #endings: Promise<void>[] = [];
  #account = new Account([]);
  #plan: PlanSummary | undefined;
  #progress: ProgressTicker | undefined;

  constructor(inputs: readonly string[], options: PullOptions) {
    this.#options = options;
    this.#now = options.now ?? steadyNow;
    this.#emit = options.onEvent ?? (() => undefined);
    this.#startedAt = this.#now();
    this.#records = inputs.map((input, image) => ({ image, input, state: 'waiting' }));
    this.#lanes = new Lanes({
      workers: options.serial === true ? 1 : options.workers,
      maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
      memory: options.memory,
      now: this.#now,
      random: options.random ?? Math.random,
      rateLimit: options.rateLimit,
    });
    this.#fanOut = new FanOut({
      lanes: this.#lanes,
      now: this.#now,
      split: options.serial !== true,
      silentMs: options.silentMs ?? SILENT_MS,
    });
    this.#stopping = new Stopping({
      drain: options.drain,
      signal: options.signal,
      drainTimeoutMs: options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS,
      onDrain: () => this.#emit({ type: 'run.draining', at: this.#now() }),
    });
    this.#outputs = new Outputs({
      store: options.store,
      sinks: options.sinks ?? [],
      now: this.#now,
      emit: this.#emit,
      signal: this.#stopping.signal,
    });
  }

  async run(): Promise<PullResult> {
    const at = this.#startedAt;
    this.#emit({
      type: 'run.started',
      at,
      verb: 'pull',
      images: this.#records.length,
      workers: this.#options.serial === true ? 1 : this.#options.workers,
    });
    using _stopping = this.#stopping;
    await this.#resolveAll();
    const plan = await this.#makePlan();
    if (this.#options.dryRun === true) {
      for (const record of this.#waiting()) record.state = 'planned';
    } else {
      await this.#moveAll(plan);
    }
    return this.#finish();
  }

  #waiting(): ImageRecord[] {
    return this.#records.filter(({ state }) => state === 'waiting');
  }

  // Resolve

  async #resolveAll(): Promise<void> {
    const known = new Map<string, Promise<ResolvedImage>>();
    await Promise.all(
      this.#records.map(async (record) => {
        try {
          const reference = parseReference(record.input);
          const name = formatReference(reference);
          record.reference = name;
          const resolving = known.get(name) ?? this.#resolve(reference);
          known.set(name, resolving);
          record.resolved = await resolving;
          this.#emitResolved(record, record.resolved);
        } catch (error) {
          if (!this.#stopping.drain.aborted) this.#fail(record, error);
        }
      }),
    );
  }

  async #resolve(reference: ReturnType<typeof parseReference>): Promise<ResolvedImage> {
    const { store, registry, platform, serial, dryRun } = this.#options;
    const signal = this.#stopping.drain;
    const kind = serial === true ? 'body' : 'metadata';
    using _permit = await this.#lanes.of(reference.registry).acquire({ kind, signal });
    return resolveImage(reference, { store, registry, platform, keep: dryRun !== true, signal });
  }

  #emitResolved({ image }: ImageRecord, resolved: ResolvedImage): void {
    const { name, descriptor, platform, layers, blobs } = resolved;
    this.#emit({
      type: 'image.resolved',
      at: this.#now(),
      image,
      reference: name,
      digest: descriptor.digest,
      ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
      layers: layers.length,
      bytes: totalSize(blobs),
    });
  }

  // Plan

  async #makePlan(): Promise<PullPlan> {
    const needs = this.#waiting().flatMap(({ image, resolved }) =>
      resolved === undefined
        ? []
        : [
            {
              image,
              repository: resolved.reference,
              label: shortName(resolved.name),
              blobs: resolved.blobs,
            },
          ],
    );
    const { store } = this.#options;
    const plan = planPull(needs, await readHoldings(store, digestsOf(needs)));
    const space = await store.space();
    const { freeBytes } = space;
    this.#plan = { ...plan.summary, freeDiskBytes: freeBytes };
    this.#emit({ type: 'plan.ready', at: this.#now(), ...this.#plan });
    if (this.#options.dryRun !== true) checkSpace(store.path, plan, space);
    const images = this.#waiting().flatMap(({ resolved }) => resolved ?? []);
    await this.#options.onPlan?.(images, this.#plan);
    return plan;
  }

  // Move

  async #moveAll(plan: PullPlan): Promise<void> {
    this.#account = new Account(plan.fetch);
    for (const record of this.#waiting()) {
      const { image, resolved } = record;
      if (resolved === undefined) continue;
      if (this.#account.waits(image)) this.#outputs.expect(image, storedImage(resolved));
      else this.#complete(record);
    }
    const progress = new ProgressTicker({
      now: this.#now,
      emit: this.#emit,
      totalBytes: () => plan.summary.fetchBytes,
      blobs: () => plan.fetch.length,
      width: () => this.#lanes.width,
      images: () => countImages(this.#records),
    });
    this.#progress = progress;
    using _ticking = progress;
    using _spreading = every(SPREAD_MS, () => this.#fanOut.look());
    this.#lanes.begin((registry) => this.#options.registry.connectMs(registry));
    const context = this.#moveContext(progress);
    const schedule = context.byImage ? scheduleByImage : scheduleLargestFirst;
    const blobs = schedule(plan.fetch);
    await Promise.all(blobs.map((blob) => this.#move(blob, context, progress)));
    await Promise.all(this.#endings);
    await this.#outputs.end();
    await this.#lanes.remember();
  }

  async #move(blob: PlannedBlob, context: MoveContext, progress: ProgressTicker): Promise<void> {
    const move = new BlobMove(blob, context);
    this.#moves.set(blob.key, move);
    const startedAt = this.#now();
    const { digest, size } = blob.descriptor;
    try {
      const { by, fetchedBytes } = await move.run();
      progress.blobDone(size - blob.partialBytes);
      const at = this.#now();
      const milliseconds = at - startedAt;
      this.#emit({ type: 'blob.done', at, digest, size, fetchedBytes, milliseconds, by });
      this.#settle(this.#account.blobDone(blob.key));
    } catch (error) {
      if (this.#stopping.drain.aborted || move.cancelled) return;
      this.#emit({ type: 'blob.failed', at: this.#now(), digest, error: summariseError(error) });
      this.#settle(this.#account.blobFailed(blob.key), error);
    }
  }

  #moveContext(progress: ProgressTicker): MoveContext {
    const { store, registry, serial, random, sinks = [] } = this.#options;
    return {
      store,
      registry,
      lanes: this.#lanes,
      verifying: this.#verifying,
      flows: this.#fanOut,
      oneClass: serial === true,
      // Converting takes long, and begins with what is whole.
      byImage: sinks.some(({ queues }) => queues === true),
      active: progress.active,
      emit: this.#emit,
      now: this.#now,
      random: random ?? Math.random,
      onBytes: (bytes) => {
        progress.moved(bytes);
        return this.#options.rateLimit?.take(bytes);
      },
      onBytesInVain: (bytes) => this.#options.rateLimit?.take(bytes),
      drain: this.#stopping.drain,
      signal: this.#stopping.signal,
    };
  }

  // Account

  #settle(settlement: Settlement, error?: unknown): void {
    for (const image of settlement.completed) this.#with(image, (record) => this.#complete(record));
    for (const image of settlement.failed) this.#with(image, (record) => this.#fail(record, error));
    for (const key of settlement.unneeded) this.#moves.get(key)?.cancel();
  }

  #with(image: number, act: (record: ImageRecord) => void): void {
    const record = this.#records[image];
    if (record?.state === 'waiting') act(record);
  }

  #complete(record: ImageRecord): void {
    const { resolved } = record;
    if (resolved !== undefined) this.#endings.push(this.#publish(record, resolved));
  }

  /** All blobs are there: the name is set, then the outputs get the image. */
  async #publish(record: ImageRecord, resolved: ResolvedImage): Promise<void> {
    const { store } = this.#options;
    const { name, descriptor, root } = resolved;
    const image = storedImage(resolved);
    try {
      {
        using _permit = await this.#publishing.acquire({ signal: this.#stopping.signal });
        const above = root.digest === descriptor.digest ? undefined : root;
        await store.setReference(name, descriptor, above);
        await this.#outputs.give(record.image, image, false);
      }
      await this.#outputs.give(record.image, image, true);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(record, error);
      return;
    }
    record.state = 'done';
    record.endedAt = this.#now();
    const milliseconds = record.endedAt - this.#startedAt;
    const { digest } = descriptor;
    this.#emit({
      type: 'image.done',
      at: record.endedAt,
      image: record.image,
      reference: name,
      digest,
      milliseconds,
    });
  }

  #fail(record: ImageRecord, error: unknown): void {
    record.state = 'failed';
    record.error = summariseError(error);
    record.endedAt = this.#now();
    const reference = record.reference ?? record.input;
    const { image } = record;
    this.#outputs.withdraw(image);
    this.#emit({ type: 'image.failed', at: record.endedAt, image, reference, error: record.error });
    if (this.#options.failFast === true) this.#stopping.now(error);
  }

  #finish(): PullResult {
    for (const record of this.#waiting()) record.state = 'cancelled';
    const images = countImages(this.#records);
    const at = this.#now();
    const milliseconds = at - this.#startedAt;
    const fetchedBytes = this.#progress?.fetchedBytes ?? 0;
    const outcome = runOutcome(images, this.#options);
    const plan = this.#plan === undefined ? {} : { plan: this.#plan };
    const settled = this.#lanes.settled();
    this.#emit({
      type: 'run.finished',
      at,
      outcome,
      milliseconds,
      images,
      fetchedBytes,
      settled,
      ...plan,
    });
    return {
      outcome,
      images: this.#records.map((record) => reportImage(record, this.#startedAt, at)),
      found: this.#records.map(({ resolved }) => resolved?.descriptor),
      fetchedBytes,
      milliseconds,
      settled,
      ...plan,
    };
  }
}

function storedImage({ name, descriptor, root }: ResolvedImage): StoredImage {
  return { name, descriptor, root };
}
