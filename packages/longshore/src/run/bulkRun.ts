import type { BuildTarget, BuiltImage } from '../build/index.ts';
import type { Descriptor } from '../image/index.ts';
import {
  createPublishGate,
  openPusher,
  type PublishGate,
  type Pusher,
  type Settled,
  summariseError,
} from '../transfer/index.ts';
import { buildTarget } from './buildStage.ts';
import { isForwarded, type RunEvent } from './events.ts';
import type { Journal } from './journal.ts';
import {
  advance,
  countStates,
  hasEnded,
  type Ledger,
  type RunOutcome,
  type TargetEntry,
  type Transition,
} from './ledger.ts';
import { pushTarget, storeNames } from './pushStage.ts';
import type { BulkOptions } from './runBulk.ts';
import type { StoredRun } from './runFolder.ts';
import { RunProgress } from './runProgress.ts';
import { isFull, isOver, nextSteps } from './schedule.ts';
import { blobsOf, Unpushed } from './unpushed.ts';

/** The options with their defaults in place. */
export interface BulkSettings extends BulkOptions {
  readonly highWaterBytes: number;
  readonly failFast: boolean;
  readonly now: () => number;
}

export interface BulkRunParts {
  readonly run: StoredRun;
  /** Where every target stands at the start. */
  readonly ledger: Ledger;
  readonly journal: Journal;
  /** Aborted when another process may have taken the run over. */
  readonly lost: AbortSignal;
  readonly options: BulkSettings;
}

export interface BulkEnd {
  readonly outcome: RunOutcome;
  readonly milliseconds: number;
  readonly sentBytes: number;
  readonly settled: readonly Settled[];
}

/** A transition without what is the same for all of one target. */
type Step = Transition extends infer T
  ? T extends unknown
    ? Omit<T, 'at' | 'target'>
    : never
  : never;

/** One run under way. What is done next is decided in `schedule.ts`; here it is done. */
export class BulkRun {
  readonly #parts: BulkRunParts;
  readonly #entries: Map<string, TargetEntry>;
  readonly #targets: ReadonlyMap<string, BuildTarget>;
  readonly #unpushed = new Unpushed();
  readonly #blobs = new Map<string, readonly Descriptor[]>();
  readonly #progress: RunProgress;
  /** Aborted when no build may go on: interrupted, failed fast, or broken. */
  readonly #halt = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #pusher: Pusher | undefined;
  #gate: PublishGate | undefined;
  #underWay = 0;
  #full = false;

  constructor(parts: BulkRunParts) {
    this.#parts = parts;
    this.#entries = new Map(parts.ledger);
    this.#targets = new Map(parts.run.plan.graph.targets.map((target) => [target.name, target]));
    this.#progress = new RunProgress({
      now: parts.options.now,
      emit: this.#emit,
      counts: () => countStates(this.#entries),
      unpushedBytes: () => this.#unpushed.bytes,
    });
  }

  get ledger(): Ledger {
    return this.#entries;
  }

  /** Runs until every target has ended. @throws what makes it impossible to go on at all */
  async work(): Promise<BulkEnd> {
    const { options, run, journal } = this.#parts;
    const startedAt = options.now();
    using _ = this.#watchSignals();
    try {
      await journal.write({ at: startedAt, run: run.lines.length > 0 ? 'resumed' : 'started' });
      this.#tellStart(startedAt);
      this.#openPusher();
      this.#takeUpQueued();
      this.#advance();
      await this.#over.promise;
      await this.#cancelRest();
    } catch (error) {
      this.#halt.abort(error);
      this.#pusher?.stop(error);
      throw error;
    } finally {
      await this.#pusher?.close();
      this.#progress[Symbol.dispose]();
    }
    return this.#end(startedAt);
  }

  readonly #emit = (event: RunEvent): void => this.#parts.options.onEvent?.(event);

  #tellStart(at: number): void {
    const { run, options } = this.#parts;
    const counts = countStates(this.#entries);
    this.#emit({
      type: 'bulk.started',
      at,
      run: run.plan.id,
      targets: counts.total,
      built: counts.queued + counts.built,
      up: counts.pushed + counts.unchanged,
      builder: run.plan.builder,
      builders: options.builders,
      ...(options.push === undefined ? {} : { pushers: options.push.pushers }),
    });
  }

  #watchSignals(): Disposable {
    const { lost, options } = this.#parts;
    const watches = new DisposableStack();
    watches.use(onAbort(lost, () => this.#break(lost.reason)));
    const stops = [options.drain, options.signal].filter((signal) => signal !== undefined);
    for (const signal of stops) {
      watches.use(
        onAbort(signal, () => {
          if (this.#halt.signal.aborted) return;
          this.#halt.abort(signal.reason);
          this.#emit({ type: 'bulk.draining', at: options.now() });
          this.#holdBack();
          this.#advance();
        }),
      );
    }
    return watches;
  }

  #openPusher(): void {
    const { run, options } = this.#parts;
    if (!run.plan.push || options.push === undefined) return;
    this.#pusher = openPusher({
      ...options.push,
      store: options.store,
      drain: options.drain,
      signal: options.signal,
      onEvent: (event) => {
        if (event.type === 'progress') this.#progress.pushed(event);
        if (isForwarded(event)) this.#emit(event);
      },
    });
    if (run.plan.publish !== 'all-or-none') return;
    const open = Array.from(this.#entries.values()).filter(
      (entry) => !hasEnded(entry) && this.#isPushed(entry.target),
    );
    const names = open.flatMap(({ target }) => storeNames(this.#target(target)));
    this.#gate = createPublishGate(names.length);
  }

  /** What an earlier process has built and not pushed goes first: it unblocks nobody, but is done. */
  #takeUpQueued(): void {
    for (const { target, image, state } of this.#entries.values()) {
      if (state === 'queued' && image !== undefined) this.#start(() => this.#push(target, image));
    }
  }

  /** Starts what can be started; called after every change. */
  #advance(): void {
    if (this.#halt.signal.aborted) return this.#settle();
    const { options, run } = this.#parts;
    this.#hold();
    const limits = { builders: options.builders, full: this.#full };
    const { build, skip } = nextSteps(this.#entries, run.plan.graph.edges, limits);
    for (const { target, because } of skip) {
      this.#gate?.fail(target);
      this.#start(() => this.#move(target, { to: 'skipped', because }));
    }
    for (const target of build) this.#start(() => this.#build(target));
    this.#settle();
  }

  #settle(): void {
    if (this.#underWay > 0) return;
    if (this.#halt.signal.aborted || isOver(this.#entries)) this.#over.resolve();
  }

  /** Builds wait for pushes, or need not any more. Something must move for that to change. */
  #hold(): void {
    const { options } = this.#parts;
    const full =
      this.#pusher !== undefined &&
      this.#gate === undefined &&
      isFull(this.#unpushed.bytes, options.highWaterBytes, this.#full);
    if (full === this.#full) return;
    this.#full = full;
    const unpushedBytes = this.#unpushed.bytes;
    this.#emit({ type: 'bulk.held', at: options.now(), held: full, unpushedBytes });
  }

  /** Runs work that ends with a change; an error in it is one that the run cannot go on from. */
  #start(work: () => Promise<void>): void {
    this.#underWay += 1;
    void this.#finish(work);
  }

  async #finish(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#break(error);
    }
    this.#underWay -= 1;
    this.#advance();
  }

  #break(error: unknown): void {
    this.#halt.abort(error);
    this.#pusher?.stop(error);
    this.#over.reject(error);
  }

  /** Journals a change of state, then makes it known. What follows from it may be done then. */
  async #move(target: string, step: Step): Promise<void> {
    const transition: Transition = { at: this.#parts.options.now(), target, ...step };
    const entry = this.#entries.get(target);
    if (entry === undefined) return;
    // At once, so that nothing is begun twice while the line is synced.
    this.#entries.set(target, advance(entry, transition));
    await this.#parts.journal.write(transition);
    this.#emit({ type: 'target.state', ...transition });
  }

  async #build(name: string): Promise<void> {
    const { options, run } = this.#parts;
    const startedAt = options.now();
    this.#progress.buildBegan(name);
    await this.#move(name, { to: 'building' });
    const target = this.#target(name);
    let image: BuiltImage;
    try {
      image = await buildTarget({
        builder: options.builder,
        target,
        store: options.store,
        bases: this.#basesOf(name),
        logFile: run.folder.logFile(name),
        signal: this.#halt.signal,
        onStep: (step) => {
          this.#progress.step(name, step);
          this.#emit({ type: 'target.step', at: options.now(), target: name, step });
        },
        onRetry: (attempt, reason) =>
          this.#emit({ type: 'target.retry', at: options.now(), target: name, attempt, reason }),
        now: () => new Date(options.now()).toISOString(),
      });
      await this.#built(target, image, options.now() - startedAt);
    } catch (error) {
      if (this.#halt.signal.aborted) return this.#move(name, { to: 'cancelled' });
      return this.#failed(name, { to: 'failed-build', error: summariseError(error) });
    } finally {
      this.#progress.buildEnded(name);
    }
    if (this.#isPushed(name)) this.#start(() => this.#push(name, image));
  }

  async #built(target: BuildTarget, image: BuiltImage, milliseconds: number): Promise<void> {
    const { store } = this.#parts.options;
    const blobs = await blobsOf(image, store);
    for (const name of storeNames(target)) await store.setReference(name, image);
    this.#blobs.set(target.name, blobs);
    const newBytes = this.#unpushed.add(blobs);
    const to = this.#isPushed(target.name) ? 'queued' : 'built';
    if (to === 'built') this.#unpushed.remove(blobs);
    await this.#move(target.name, { to, image, newBytes, milliseconds });
  }

  async #push(name: string, image: BuiltImage): Promise<void> {
    const pusher = this.#pusher;
    if (pusher === undefined) return;
    if (!this.#blobs.has(name)) await this.#count(name, image);
    await this.#move(name, { to: 'pushing' });
    const step = await pushTarget(this.#target(name), image, {
      pusher,
      gate: this.#gate,
      up: () => this.#namesUp(name),
    });
    this.#unpushed.remove(this.#blobs.get(name) ?? []);
    if (step.to === 'failed-push') return this.#failed(name, step);
    await this.#move(name, step);
  }

  async #count(name: string, image: BuiltImage): Promise<void> {
    const blobs = await blobsOf(image, this.#parts.options.store);
    this.#blobs.set(name, blobs);
    this.#unpushed.add(blobs);
  }

  async #failed(name: string, step: Step): Promise<void> {
    this.#gate?.fail(name);
    await this.#move(name, step);
    if (!this.#parts.options.failFast || this.#halt.signal.aborted) return;
    const reason = new Error(`${name} has failed`);
    this.#halt.abort(reason);
    this.#pusher?.stop(reason);
  }

  /** Tags that wait for images which will not come wait no longer. */
  #holdBack(): void {
    const open = Array.from(this.#entries.values()).find(({ image }) => image === undefined);
    if (open !== undefined) this.#gate?.fail(open.target);
  }

  async #cancelRest(): Promise<void> {
    const open = Array.from(this.#entries.values()).filter((entry) => !hasEnded(entry));
    await Promise.all(open.map(({ target }) => this.#move(target, { to: 'cancelled' })));
  }

  /** Targets that are there only because others are built from them stay in the store. */
  #isPushed(name: string): boolean {
    const { linked } = this.#parts.run.plan.graph;
    return this.#pusher !== undefined && linked?.includes(name) !== true;
  }

  #basesOf(name: string): ReadonlyMap<string, Descriptor> {
    const bases = new Map<string, Descriptor>();
    for (const { from, to, reference } of this.#parts.run.plan.graph.edges) {
      const image = from === name ? this.#entries.get(to)?.image : undefined;
      if (image !== undefined) bases.set(reference, image);
    }
    return bases;
  }

  /** What is at the registry already: what this target is built from first, then all else. */
  *#namesUp(name: string): Iterable<string> {
    const bases = this.#parts.run.plan.graph.edges.flatMap(({ from, to }) =>
      from === name ? [to] : [],
    );
    const entries = [...bases.map((base) => this.#entries.get(base)), ...this.#entries.values()];
    for (const entry of entries) {
      for (const { destination, state } of entry?.tags ?? []) {
        if (state === 'pushed' || state === 'unchanged') yield destination;
      }
    }
  }

  #target(name: string): BuildTarget {
    const target = this.#targets.get(name);
    if (target === undefined) throw new Error(`the plan has no target ${name}`);
    return target;
  }

  async #end(startedAt: number): Promise<BulkEnd> {
    const { options, journal, run } = this.#parts;
    const targets = countStates(this.#entries);
    const broken = targets['failed-build'] + targets['failed-push'] + targets.skipped;
    const interrupted = options.drain?.aborted === true || options.signal?.aborted === true;
    const stopped = targets.cancelled > 0 && interrupted;
    const outcome = stopped ? 'cancelled' : broken > 0 ? 'failed' : 'succeeded';
    const at = options.now();
    await journal.write({ at, run: 'ended', outcome });
    const sentBytes = this.#pusher?.sentBytes ?? 0;
    const settled = this.#pusher?.settled() ?? [];
    const end = { outcome, milliseconds: at - startedAt, sentBytes, settled } as const;
    this.#emit({ type: 'bulk.finished', at, run: run.plan.id, targets, ...end });
    return end;
  }
}

/** Calls `act` once when the signal is aborted, at once when it is already. */
function onAbort(signal: AbortSignal, act: () => void): Disposable {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', act) };
}
