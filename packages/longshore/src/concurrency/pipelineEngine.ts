import { LongshoreError } from '../errors.ts';
import { notify } from './listener.ts';
import { isAbort, Run } from './pipelineRun.ts';
import { PipelineSource, type Token } from './pipelineSource.ts';
import { measure, Stage, type StagePlan } from './pipelineStage.ts';
import type {
  PipelineEvent,
  PipelineOptions,
  PipelineOutcome,
  PipelineReport,
} from './pipelineTypes.ts';

const ABANDON_AFTER_MS = 10_000;

/** Runs items through stages; see `pipeline`. */
export function runStages(
  items: Iterable<unknown> | AsyncIterable<unknown>,
  plans: readonly StagePlan[],
  options: PipelineOptions,
): Promise<PipelineReport<unknown, unknown>> {
  const engine = new Engine(items, plans, options);
  engine.begin();
  return engine.finished.promise;
}

/**
 * Driven by what happens, without a loop per worker: an item costs one promise a stage. Each item
 * read is in exactly one place (an inbox, a run, a blocked list) until it has its outcome.
 */
class Engine {
  readonly finished: PromiseWithResolvers<PipelineReport<unknown, unknown>> =
    Promise.withResolvers();
  readonly #options: PipelineOptions;
  readonly #stages: readonly Stage[];
  readonly #source: PipelineSource;
  readonly #running = new Set<Run>();
  readonly #outcomes: PipelineOutcome<unknown, unknown>[] = [];
  readonly #counts = { done: 0, failed: 0, cancelled: 0 };
  #underWay = 0;
  #stopped: { readonly reason: unknown } | undefined;
  #sourceError: { readonly error: unknown } | undefined;
  #abandon: NodeJS.Timeout | undefined;
  #over = false;
  readonly #onAbort = (): void => this.#stop(this.#options.signal?.reason);
  readonly #onDrain = (): void => this.#drain();

  constructor(
    items: Iterable<unknown> | AsyncIterable<unknown>,
    plans: readonly StagePlan[],
    options: PipelineOptions,
  ) {
    this.#options = options;
    this.#stages = plans.map((plan) => new Stage(plan));
    this.#source = new PipelineSource(items, {
      arrived: () => this.#pump(0),
      failed: (error) => {
        this.#sourceError = { error };
        this.#finishIfIdle();
      },
    });
  }

  begin(): void {
    const { signal, drainSignal } = this.#options;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    drainSignal?.addEventListener('abort', this.#onDrain, { once: true });
    if (signal?.aborted === true) this.#onAbort();
    else if (drainSignal?.aborted === true) this.#onDrain();
    else this.#pump(0);
  }

  /** Starts what can start. Never nests for one stage, however fast its functions answer. */
  #pump(at: number): void {
    const stage = this.#stages[at];
    if (stage === undefined) return;
    stage.pumpAgain = true;
    if (stage.pumping) return;
    stage.pumping = true;
    while (stage.pumpAgain) {
      stage.pumpAgain = false;
      while (this.#startNext(stage, at)) stage.pumpAgain = false;
    }
    stage.pumping = false;
    this.#finishIfIdle();
  }

  #startNext(stage: Stage, at: number): boolean {
    if (this.#stopped !== undefined || this.#over || stage.blocked.size > 0) return false;
    if (at === 0 ? !this.#source.ready() : stage.inbox.size === 0) return false;
    try {
      const permit = stage.slot(
        () => this.#pump(at),
        (reason) => this.#stop(reason),
      );
      if (permit === undefined) return false;
      const token = at === 0 ? this.#source.take() : stage.shift();
      if (token === undefined) permit.release();
      else this.#start(new Run(token, { at, permit, progress: this.#onProgress }));
    } catch (error) {
      // The limiter was closed by whoever shares it.
      this.#stop(error);
      return false;
    }
    if (at > 0) this.#handOn(at - 1);
    return true;
  }

  readonly #onProgress = (run: Run, data: unknown): void => {
    if (!this.#running.has(run)) return;
    this.#emit(run, (base) => ({ type: 'progress', ...base, data }));
  };

  #start(run: Run): void {
    const plan = this.#planOf(run);
    if (run.at === 0) this.#underWay += 1;
    this.#running.add(run);
    this.#emit(run, (base) => ({ type: 'started', ...base }));
    if (plan.timeoutMs !== undefined) {
      run.timer = setTimeout(() => {
        const error = timedOut(plan);
        this.#fail(run, error);
        run.abort(error);
      }, plan.timeoutMs);
    }
    try {
      const result = plan.run(run.token.value, run);
      if (!isThenable(result)) {
        this.#succeed(run, result);
        return;
      }
      Promise.resolve(result).then(
        (value) => this.#succeed(run, value),
        (error: unknown) => this.#fail(run, error),
      );
    } catch (error) {
      this.#fail(run, error);
    }
  }

  /** @returns false for a run that was given up before */
  #settle(run: Run): boolean {
    if (!this.#running.delete(run)) return false;
    clearTimeout(run.timer);
    run.permit.release();
    return true;
  }

  #succeed(run: Run, value: unknown): void {
    if (!this.#settle(run)) return;
    const { token, at } = run;
    this.#emit(run, (base) => ({ type: 'finished', ...base, milliseconds: run.elapsed() }));
    const next = this.#stages[at + 1];
    if (next === undefined) {
      this.#record({ status: 'done', index: token.index, item: token.item, value });
    } else if (this.#stopped !== undefined) {
      this.#cancel(token);
    } else {
      this.#pass(run, next, value);
    }
    this.#pump(at);
  }

  #pass(run: Run, next: Stage, value: unknown): void {
    const { token, at } = run;
    token.value = value;
    try {
      token.size = measure(next.plan, value);
    } catch (error) {
      this.#recordFailure(token, next.plan, error);
      return;
    }
    this.#stages[at]?.blocked.push(token);
    this.#handOn(at);
    if ((this.#stages[at]?.blocked.size ?? 0) > 0) {
      this.#emit(run, (base) => ({ type: 'blocked', ...base }));
    }
  }

  #fail(run: Run, error: unknown): void {
    if (!this.#settle(run)) return;
    if (this.#stopped !== undefined && isAbort(error, this.#stopped.reason)) {
      this.#cancel(run.token);
    } else {
      const milliseconds = run.elapsed();
      this.#emit(run, (base) => ({ type: 'failed', ...base, milliseconds, error }));
      this.#recordFailure(run.token, this.#planOf(run), error);
    }
    this.#pump(run.at);
  }

  /** Moves what the stage has finished to the next, in order, as far as it fits there. */
  #handOn(at: number): void {
    const stage = this.#stages[at];
    const next = this.#stages[at + 1];
    if (stage === undefined || next === undefined) return;
    const before = stage.blocked.size;
    for (let first = stage.blocked.peek(); first !== undefined; first = stage.blocked.peek()) {
      if (!next.fits(first)) break;
      stage.blocked.shift();
      next.push(first);
    }
    if (stage.blocked.size === before) return;
    this.#pump(at + 1);
    if (stage.blocked.size === 0) this.#pump(at);
  }

  #recordFailure(token: Token, plan: StagePlan, error: unknown): void {
    const { index, item } = token;
    this.#record({ status: 'failed', index, item, stage: plan.name, error });
    if (this.#options.onFailure === 'fail-fast') this.#stop(error);
  }

  #record(outcome: PipelineOutcome<unknown, unknown>): void {
    this.#underWay -= 1;
    this.#counts[outcome.status] += 1;
    this.#outcomes[outcome.index] = outcome;
  }

  #cancel({ index, item }: Token): void {
    this.#record({ status: 'cancelled', index, item });
  }

  #drain(): void {
    for (const token of this.#source.stop()) {
      this.#underWay += 1;
      this.#cancel(token);
    }
    this.#finishIfIdle();
  }

  #stop(reason: unknown): void {
    if (this.#stopped !== undefined || this.#over) return;
    this.#stopped = { reason };
    for (const { inbox, blocked } of this.#stages) {
      for (const queue of [inbox, blocked]) {
        for (let token = queue.shift(); token !== undefined; token = queue.shift()) {
          this.#cancel(token);
        }
      }
    }
    this.#drain();
    if (this.#over) return;
    this.#abandon = setTimeout(() => {
      for (const run of this.#running) if (this.#settle(run)) this.#cancel(run.token);
      this.#finishIfIdle();
    }, this.#options.abandonAfterMs ?? ABANDON_AFTER_MS);
    for (const run of this.#running) run.abort(reason);
  }

  #finishIfIdle(): void {
    if (this.#over || this.#underWay > 0 || !this.#source.empty) return;
    this.#over = true;
    clearTimeout(this.#abandon);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.drainSignal?.removeEventListener('abort', this.#onDrain);
    for (const stage of this.#stages) stage.leave();
    const { done, failed, cancelled } = this.#counts;
    this.finished.resolve({
      ok: failed + cancelled === 0 && !this.#stopped && !this.#sourceError,
      outcomes: this.#outcomes,
      done,
      failed,
      cancelled,
      ...(this.#stopped && { stopped: this.#stopped }),
      ...(this.#sourceError && { sourceError: this.#sourceError }),
    });
  }

  #planOf(run: Run): StagePlan {
    const stage = this.#stages[run.at];
    if (stage === undefined) throw new Error(`there is no stage ${run.at}`);
    return stage.plan;
  }

  #emit(run: Run, build: (base: { stage: string; index: number }) => PipelineEvent): void {
    const { onEvent } = this.#options;
    if (onEvent === undefined) return;
    notify(onEvent, build({ stage: this.#planOf(run).name, index: run.index }));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return 'then' in value && typeof value.then === 'function';
}

function timedOut(plan: StagePlan): LongshoreError {
  return new LongshoreError(`stage ${plan.name} gave up after ${plan.timeoutMs} ms`, {
    code: 'ERR_STAGE_TIMEOUT',
    hint: 'Raise timeoutMs if it only needs longer',
    retryable: true,
  });
}
