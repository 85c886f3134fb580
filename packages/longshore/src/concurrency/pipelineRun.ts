import { LazySignal } from './lazySignal.ts';
import type { Permit } from './permit.ts';
import type { Token } from './pipelineSource.ts';
import type { StageContext } from './pipelineTypes.ts';

export interface RunOptions {
  /** Place of the stage in the pipeline, from 0. */
  readonly at: number;
  readonly permit: Permit;
  readonly progress: (run: Run, data: unknown) => void;
}

/** One item in one stage, from its start to its end. */
export class Run extends LazySignal implements StageContext {
  readonly token: Token;
  readonly at: number;
  readonly permit: Permit;
  timer: NodeJS.Timeout | undefined;
  readonly #progress: RunOptions['progress'];
  readonly #startedAt = performance.now();

  constructor(token: Token, options: RunOptions) {
    super();
    this.token = token;
    this.at = options.at;
    this.permit = options.permit;
    this.#progress = options.progress;
  }

  get index(): number {
    return this.token.index;
  }

  elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  report(data: unknown): void {
    this.#progress(this, data);
  }
}

/** Whether an error only says that its function was told to stop. */
export function isAbort(error: unknown, reason: unknown): boolean {
  return error === reason || (error instanceof Error && error.name === 'AbortError');
}
