import type { BuiltImage } from '../build/index.ts';
import { onAbort } from '../concurrency/index.ts';
import type { Descriptor } from '../image/index.ts';
import { type RunOutcome, runOutcome, type Settled, summariseError } from '../transfer/index.ts';
import { buildTarget } from './buildStage.ts';
import type { RunEvent } from './events.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { LiveLedger, type Step } from './liveLedger.ts';
import { findTarget, PushDesk } from './pushDesk.ts';
import { storeNames } from './pushStage.ts';
import type { BulkOptions } from './runBulk.ts';
import type { StoredRun } from './runFolder.ts';
import { RunProgress } from './runProgress.ts';
import { isOver, nextSteps } from './schedule.ts';

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

/** One run under way. What is done next is decided in `schedule.ts`; here it is done. */
export class BulkRun {
  readonly #parts: BulkRunParts;
  readonly #ledger: LiveLedger;
  readonly #progress: RunProgress;
  readonly #desk: PushDesk;
  /** Aborted when no build may go on: interrupted, failed fast, or broken. */
  readonly #halt = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #underWay = 0;

  constructor(parts: BulkRunParts) {
    this.#parts = parts;
    const { run, ledger, journal, options } = parts;
    const { now } = options;
    const emit = this.#emit;
    this.#ledger = new LiveLedger(ledger, { journal, now, emit });
    this.#progress = new RunProgress({
      now,
      emit,
      counts: () => this.#ledger.counts(),
      unpushedBytes: () => this.#desk.unpushedBytes,
    });
    const { plan } = run;
    const progress = this.#progress;
    this.#desk = new PushDesk({ plan, ledger: this.#ledger, options, progress, emit });
  }

  get ledger(): Ledger {
    return this.#ledger.entries;
  }

  /** Runs until every target has ended. @throws what makes it impossible to go on at all */
  async work(): Promise<BulkEnd> {
    const { options, run, journal } = this.#parts;
    const startedAt = options.now();
    using _ = this.#watchSignals();
    try {
      await journal.write({ at: startedAt, run: run.lines.length > 0 ? 'resumed' : 'started' });
      this.#tellStart(startedAt);
      this.#takeUpQueued();
      this.#advance();
      await this.#over.promise;
      const open = this.#ledger.open();
      await Promise.all(open.map(({ target }) => this.#ledger.move(target, { to: 'cancelled' })));
    } catch (error) {
      this.#halt.abort(error);
      this.#desk.stop(error);
      throw error;
    } finally {
      await this.#desk[Symbol.asyncDispose]();
      this.#progress[Symbol.dispose]();
    }
    return this.#end(startedAt);
  }

  readonly #emit = (event: RunEvent): void => this.#parts.options.onEvent?.(event);

  #tellStart(at: number): void {
    const { run, options } = this.#parts;
    const counts = this.#ledger.counts();
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
    for (const signal of [options.drain, options.signal]) {
      watches.use(onAbort(signal, () => this.#drain(signal?.reason)));
    }
    return watches;
  }

  #drain(reason: unknown): void {
    if (this.#halt.signal.aborted) return;
    this.#halt.abort(reason);
    this.#emit({ type: 'bulk.draining', at: this.#parts.options.now() });
    // Tags that wait for images which will not come wait no longer.
    const unbuilt = this.#ledger.open().find(({ image }) => image === undefined);
    if (unbuilt !== undefined) this.#desk.fail(unbuilt.target);
    this.#advance();
  }

  /** What an earlier process has built and not pushed goes first: it unblocks nobody, but is done. */
  #takeUpQueued(): void {
    for (const { target, image, state } of this.#ledger.entries.values()) {
      if (state === 'queued' && image !== undefined) this.#start(() => this.#push(target, image));
    }
  }

  /** Starts what can be started; called after every change. */
  #advance(): void {
    if (this.#halt.signal.aborted) return this.#settle();
    const { options, run } = this.#parts;
    const limits = { builders: options.builders, full: this.#desk.isFull() };
    const { build, skip } = nextSteps(this.#ledger.entries, run.plan.graph.edges, limits);
    for (const { target, because } of skip) {
      this.#desk.fail(target);
      this.#start(() => this.#ledger.move(target, { to: 'skipped', because }));
    }
    for (const target of build) this.#start(() => this.#build(target));
    this.#settle();
  }

  #settle(): void {
    if (this.#underWay > 0) return;
    if (this.#halt.signal.aborted || isOver(this.#ledger.entries)) this.#over.resolve();
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
    this.#desk.stop(error);
    this.#over.reject(error);
  }

  async #build(name: string): Promise<void> {
    const { options } = this.#parts;
    const startedAt = options.now();
    this.#progress.buildBegan(name);
    await this.#ledger.move(name, { to: 'building' });
    let image: BuiltImage;
    try {
      image = await this.#runBuilder(name);
      await this.#built(name, image, options.now() - startedAt);
    } catch (error) {
      if (this.#halt.signal.aborted) return this.#ledger.move(name, { to: 'cancelled' });
      return this.#failed(name, { to: 'failed-build', error: summariseError(error) });
    } finally {
      this.#progress.buildEnded(name);
    }
    if (this.#desk.pushes(name)) this.#start(() => this.#push(name, image));
  }

  #runBuilder(name: string): Promise<BuiltImage> {
    const { options, run } = this.#parts;
    return buildTarget({
      builder: options.builder,
      target: findTarget(run.plan, name),
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
  }

  /** Names the image in the store, so that no prune takes it, and then says that it is built. */
  async #built(name: string, image: BuiltImage, milliseconds: number): Promise<void> {
    const { run, options } = this.#parts;
    const newBytes = await this.#desk.take(name, image);
    for (const reference of storeNames(findTarget(run.plan, name))) {
      await options.store.setReference(reference, image);
    }
    const to = this.#desk.pushes(name) ? 'queued' : 'built';
    await this.#ledger.move(name, { to, image, newBytes, milliseconds });
  }

  async #push(name: string, image: BuiltImage): Promise<void> {
    await this.#ledger.move(name, { to: 'pushing' });
    const ending = await this.#desk.push(name, image);
    if (ending.to === 'failed-push') return this.#failed(name, ending);
    await this.#ledger.move(name, ending);
  }

  async #failed(name: string, step: Step): Promise<void> {
    this.#desk.fail(name);
    await this.#ledger.move(name, step);
    if (!this.#parts.options.failFast || this.#halt.signal.aborted) return;
    const reason = new Error(`${name} has failed`);
    this.#halt.abort(reason);
    this.#desk.stop(reason);
  }

  #basesOf(name: string): ReadonlyMap<string, Descriptor> {
    const bases = new Map<string, Descriptor>();
    for (const { from, to, reference } of this.#parts.run.plan.graph.edges) {
      const image = from === name ? this.#ledger.get(to)?.image : undefined;
      if (image !== undefined) bases.set(reference, image);
    }
    return bases;
  }

  async #end(startedAt: number): Promise<BulkEnd> {
    const { options, journal, run } = this.#parts;
    const targets = this.#ledger.counts();
    const failed = targets['failed-build'] + targets['failed-push'] + targets.skipped;
    const outcome = runOutcome({ failed, cancelled: targets.cancelled }, options);
    const at = options.now();
    await journal.write({ at, run: 'ended', outcome });
    const { sentBytes } = this.#desk;
    const settled = this.#desk.settled();
    const end = { outcome, milliseconds: at - startedAt, sentBytes, settled } as const;
    this.#emit({ type: 'bulk.finished', at, run: run.plan.id, targets, ...end });
    return end;
  }
}
