import { LongshoreError } from '../errors.ts';
import { Deque } from './deque.ts';
import { createLimiter, type Limiter } from './limiter.ts';
import type { Permit } from './permit.ts';
import type { Token } from './pipelineSource.ts';
import type { StageContext, StageOptions } from './pipelineTypes.ts';
import { checkTimeout } from './poolErrors.ts';
import { checkWidth } from './width.ts';

/** A stage of whatever types: the builder has checked that each fits the one before. */
export interface StagePlan {
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly run: (item: unknown, context: StageContext) => unknown;
  readonly limiter: () => Limiter;
  readonly capacity: number;
  readonly maxBytes: number;
  readonly sizeOf: ((item: unknown) => number) | undefined;
}

/** @throws LongshoreError `ERR_BAD_WIDTH`, `ERR_BAD_TIMEOUT`, `ERR_BAD_SIZE` */
export function planStage<I, O>(options: StageOptions<I, O>): StagePlan {
  const { name, queue = {}, limiter } = options;
  const width =
    options.limiter === undefined
      ? checkWidth(options.width, `width of stage ${name}`)
      : options.limiter.width;
  if (queue.maxBytes !== undefined && queue.sizeOf === undefined) {
    throw new LongshoreError(`the queue of stage ${name} is bounded by bytes but has no sizeOf`, {
      code: 'ERR_BAD_SIZE',
      hint: 'Pass sizeOf: (item) => bytes',
      origin: 'input',
    });
  }
  return {
    name,
    timeoutMs: checkTimeout(options.timeoutMs),
    // Types end here: an item is what the stage before returned, which the builder's types hold to.
    run: options.run as StagePlan['run'],
    limiter: () => limiter ?? createLimiter({ name: `items in ${name}`, width }),
    capacity: checkWidth(queue.capacity ?? width, `capacity before stage ${name}`),
    maxBytes:
      queue.maxBytes === undefined
        ? Number.POSITIVE_INFINITY
        : checkWidth(queue.maxBytes, `maxBytes before stage ${name}`),
    sizeOf: queue.sizeOf as StagePlan['sizeOf'],
  };
}

/** A stage at work: what waits for it, and what it has finished but cannot hand on. */
export class Stage {
  readonly plan: StagePlan;
  readonly limiter: Limiter;
  readonly inbox: Deque<Token> = new Deque();
  readonly blocked: Deque<Token> = new Deque();
  pumping = false;
  pumpAgain = false;
  #bytes = 0;
  #spare: Permit | undefined;
  #asking = false;
  readonly #leaving = new AbortController();

  constructor(plan: StagePlan) {
    this.plan = plan;
    this.limiter = plan.limiter();
  }

  fits(token: Token): boolean {
    if (this.inbox.size >= this.plan.capacity) return false;
    return this.inbox.size === 0 || this.#bytes + token.size <= this.plan.maxBytes;
  }

  push(token: Token): void {
    this.inbox.push(token);
    this.#bytes += token.size;
  }

  shift(): Token | undefined {
    const token = this.inbox.shift();
    if (token !== undefined) this.#bytes -= token.size;
    return token;
  }

  /**
   * A slot now, or `granted` is called once one can be had.
   * @throws LongshoreError `ERR_LIMITER_CLOSED`
   */
  slot(granted: () => void, refused: (reason: unknown) => void): Permit | undefined {
    const permit = this.#spare ?? this.limiter.tryAcquire();
    this.#spare = undefined;
    if (permit !== undefined || this.#asking) return permit;
    this.#asking = true;
    this.limiter.acquire({ signal: this.#leaving.signal }).then(
      (later) => {
        this.#asking = false;
        this.#spare = later;
        granted();
        this.#dropSpare();
      },
      (reason: unknown) => {
        this.#asking = false;
        if (!this.#leaving.signal.aborted) refused(reason);
      },
    );
    return undefined;
  }

  /** Waits for no slot any more. */
  leave(): void {
    this.#leaving.abort();
    this.#dropSpare();
  }

  #dropSpare(): void {
    this.#spare?.release();
    this.#spare = undefined;
  }
}

/** @throws LongshoreError `ERR_BAD_SIZE` */
export function measure(plan: StagePlan, value: unknown): number {
  if (plan.sizeOf === undefined) return 0;
  const size = plan.sizeOf(value);
  if (Number.isFinite(size) && size >= 0) return size;
  throw new LongshoreError(`stage ${plan.name}: sizeOf gave ${String(size)} bytes for an item`, {
    code: 'ERR_BAD_SIZE',
    hint: 'sizeOf must return a finite number from 0 up',
    origin: 'input',
  });
}
