import type { BuildStep } from '../build/index.ts';
import type { TransferEvent } from '../transfer/index.ts';
import type { RunListener } from './events.ts';
import type { LedgerCounts } from './ledger.ts';

/** Five times a second: steps of builds change no faster than a person reads. */
const TICK_MS = 200;

type PushProgress = Extract<TransferEvent, { readonly type: 'progress' }>;

export interface RunProgressOptions {
  readonly now: () => number;
  readonly emit: RunListener;
  readonly counts: () => LedgerCounts;
  readonly unpushedBytes: () => number;
}

/** Tells at a steady pace how far a run is, both stages in one event. Ticks until disposed. */
export class RunProgress implements Disposable {
  readonly #options: RunProgressOptions;
  readonly #startedAt: number;
  readonly #builds = new Map<string, { readonly startedAt: number; step?: BuildStep }>();
  readonly #timer: NodeJS.Timeout;
  #push: PushProgress | undefined;

  constructor(options: RunProgressOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  buildBegan(target: string): void {
    this.#builds.set(target, { startedAt: this.#options.now() });
  }

  step(target: string, step: BuildStep): void {
    const build = this.#builds.get(target);
    if (build !== undefined) build.step = step;
  }

  buildEnded(target: string): void {
    this.#builds.delete(target);
  }

  /** What the pushes have told of themselves. */
  pushed(progress: PushProgress): void {
    this.#push = progress;
  }

  /** Tells the last state once more, so that every view ends on the truth. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#tick();
  }

  #tick(): void {
    const { now, emit, counts, unpushedBytes } = this.#options;
    const at = now();
    emit({
      type: 'bulk.progress',
      at,
      elapsedMs: at - this.#startedAt,
      targets: counts(),
      unpushedBytes: unpushedBytes(),
      sentBytes: this.#push?.doneBytes ?? 0,
      bytesPerSecond: this.#push?.bytesPerSecond ?? 0,
      builds: Array.from(this.#builds, ([target, { startedAt, step }]) => ({
        target,
        milliseconds: at - startedAt,
        ...(step === undefined ? {} : { step }),
      })),
      uploads: this.#push?.active ?? [],
      width: this.#push?.width ?? 0,
    });
  }
}
