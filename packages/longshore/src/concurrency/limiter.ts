import { Lane } from './lane.ts';
import { notify } from './listener.ts';
import type { AcquireOptions, Permit } from './permit.ts';

/** State of a limiter at one moment; counts are of `body` permits unless named otherwise. */
export interface LimiterState {
  readonly width: number;
  readonly active: number;
  readonly waiting: number;
  readonly metadataActive: number;
  readonly metadataWaiting: number;
}

/** Decides how many at once. Made by {@link createLimiter} or by a keyed limiter. */
export interface Limiter extends LimiterState {
  /** What it counts, in words that fit "3 of 3 ...": `pushes to HOST`. */
  readonly name: string;
  readonly closed: boolean;
  /**
   * Growing wakes waiters at once; shrinking lets holders finish, so `active` may be above `width`
   * for a while.
   * @throws LongshoreError `ERR_BAD_WIDTH`
   */
  resize(width: number): void;
  /**
   * Waits for a slot. Rejects with the signal's reason when aborted, and with
   * `ERR_LIMITER_CLOSED` after {@link Limiter.close}.
   */
  acquire(options?: AcquireOptions): Promise<Permit>;
  /**
   * A slot if one is free now.
   * @throws LongshoreError `ERR_LIMITER_CLOSED`, or the signal's reason
   */
  tryAcquire(options?: AcquireOptions): Permit | undefined;
  /** Why somebody waits, for a person: `3 of 3 pushes to HOST`; `undefined` while nobody waits. */
  waitingReason(): string | undefined;
  /** Labels of those who hold a permit now; permits without a label are left out. */
  holders(): readonly string[];
  /** Refuses waiters and later comers; permits already given stay good. Again does nothing. */
  close(): void;
}

export interface LimiterOptions {
  readonly name: string;
  /** How many bodies at once. */
  readonly width: number;
  /** How many metadata requests at once. @defaultValue 8 */
  readonly metadataWidth?: number;
  /** Called after every change, within it: keep it short. */
  readonly onChange?: (state: LimiterState) => void;
}

/** Small requests cost no bandwidth to speak of, but a registry counts them: keep them few. */
export const DEFAULT_METADATA_WIDTH = 8;

/**
 * A limiter that stands alone. For one per host below a common total, see `createKeyedLimiter`.
 * @throws LongshoreError `ERR_BAD_WIDTH`
 */
export function createLimiter(options: LimiterOptions): Limiter {
  const limiter: Limiter = new LaneLimiter(options.name, (changed) => ({
    body: new Lane(options.name, options.width, { changed }),
    metadata: new Lane(
      `metadata requests beside ${options.name}`,
      options.metadataWidth ?? DEFAULT_METADATA_WIDTH,
      { changed },
    ),
    onChange: options.onChange,
  }));
  return limiter;
}

/** The lanes that a limiter is made of. */
export interface LimiterParts {
  readonly body: Lane;
  readonly metadata: Lane;
  readonly onChange: ((state: LimiterState) => void) | undefined;
}

const NO_OPTIONS: AcquireOptions = {};

/** The one implementation of {@link Limiter}: a lane for bodies, one for metadata. */
export class LaneLimiter implements Limiter {
  readonly name: string;
  readonly #body: Lane;
  readonly #metadata: Lane;
  #closed = false;

  constructor(name: string, build: (changed: () => void) => LimiterParts) {
    this.name = name;
    let listener: LimiterParts['onChange'];
    const parts = build(() => {
      if (listener !== undefined) notify(listener, this.state());
    });
    listener = parts.onChange;
    this.#body = parts.body;
    this.#metadata = parts.metadata;
  }

  get width(): number {
    return this.#body.width;
  }

  get active(): number {
    return this.#body.active;
  }

  get waiting(): number {
    return this.#body.waiting;
  }

  get metadataActive(): number {
    return this.#metadata.active;
  }

  get metadataWaiting(): number {
    return this.#metadata.waiting;
  }

  get closed(): boolean {
    return this.#closed;
  }

  state(): LimiterState {
    return {
      width: this.width,
      active: this.active,
      waiting: this.waiting,
      metadataActive: this.metadataActive,
      metadataWaiting: this.metadataWaiting,
    };
  }

  resize(width: number): void {
    this.#body.resize(width);
  }

  acquire(options: AcquireOptions = NO_OPTIONS): Promise<Permit> {
    return this.#lane(options).acquire(options);
  }

  tryAcquire(options: AcquireOptions = NO_OPTIONS): Permit | undefined {
    return this.#lane(options).tryAcquire(options);
  }

  waitingReason(): string | undefined {
    return this.#body.waitingReason ?? this.#metadata.waitingReason;
  }

  holders(): readonly string[] {
    return [...this.#body.labels, ...this.#metadata.labels];
  }

  close(): void {
    this.#closed = true;
    this.#body.close();
    this.#metadata.close();
  }

  #lane(options: AcquireOptions): Lane {
    return options.kind === 'metadata' ? this.#metadata : this.#body;
  }
}
