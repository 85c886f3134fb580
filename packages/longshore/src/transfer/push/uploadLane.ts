import {
  type AcquireOptions,
  createLimiter,
  type Permit,
  type RememberedCeiling,
  type StallAverseController,
  stallAverse,
} from '../../concurrency/index.ts';
import { Lane } from '../lane.ts';
import type { Settled, Workers } from '../lanes.ts';
import { Upload, type UploadEnd } from './upload.ts';
import { UploadNorm } from './uploadNorm.ts';

/** The controller then still says what it said before the first upload. */
const TOO_SHORT = 'the push was over before more were tried';

/** As many uploads as one registry gets at the most. */
const MOST_PUSHERS = 16;

export interface UploadLaneOptions {
  readonly registry: string;
  readonly pushers: Workers;
  /** Bound of `auto`. @defaultValue 16 */
  readonly most?: number | undefined;
  readonly remembered?: RememberedCeiling | undefined;
  /** Where `auto` starts. @defaultValue 2 */
  readonly start?: number | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly onWidth: (width: number, reason: string) => void;
  /** Whether the registry takes chunks, as far as is known. @defaultValue true */
  readonly chunks?: boolean;
}

/**
 * All uploads to one registry: how many at once, and which of them stand still. The width is the
 * controller's, or fixed; frozen uploads are cut and a `Retry-After` is waited for in both cases.
 */
export class UploadLane {
  readonly registry: string;
  readonly lane: Lane<StallAverseController>;
  readonly now: () => number;
  readonly chunks: boolean;
  readonly #options: UploadLaneOptions;
  readonly #controller: StallAverseController;
  readonly #uploads = new Set<Upload>();
  #ids = 0;
  #finished = 0;
  #slowestAnswerMs = 0;
  readonly #norm = new UploadNorm();

  constructor(options: UploadLaneOptions) {
    const { registry, pushers, now, random, remembered, start } = options;
    this.#options = options;
    this.registry = registry;
    this.now = now;
    this.chunks = options.chunks ?? true;
    this.#controller =
      pushers === 'auto'
        ? stallAverse({ random, start, max: options.most ?? MOST_PUSHERS, remembered })
        : stallAverse({ random, start: pushers, max: pushers });
    const width = pushers === 'auto' ? this.#controller.target : pushers;
    const limiter = createLimiter({ name: `uploads to ${registry}`, width });
    this.lane = new Lane(limiter, this.#controller, now);
  }

  get width(): number {
    return this.lane.limiter.width;
  }

  acquire(options: AcquireOptions): Promise<Permit> {
    return this.lane.acquire(options);
  }

  /** A small request under a permit of its own class. */
  async request<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    using _permit = await this.lane.acquire({ kind: 'metadata', signal });
    return await send();
  }

  begin(parts: {
    readonly permit: Permit;
    readonly size: number;
    readonly patienceMs: number;
  }): Upload {
    this.#ids += 1;
    const upload = new Upload(this, { ...parts, id: this.#ids }, this.now());
    this.#uploads.add(upload);
    return upload;
  }

  /** For the upload itself, when it has ended. */
  left(upload: Upload, how: UploadEnd): void {
    this.#uploads.delete(upload);
    if (how === 'finished') {
      const { size, answerMs, tookMs } = upload.times(this.now());
      this.#finished += 1;
      this.#slowestAnswerMs = Math.max(this.#slowestAnswerMs, answerMs);
      this.#norm.finished(size, tookMs);
    }
    // What has gone wrong is acted on before the slot goes to the next.
    if (how === 'refused' || how === 'broken') this.tick();
  }

  /** Lets the controller look; call it some ten times a second. */
  tick(): void {
    const atMs = this.now();
    for (const upload of this.#uploads) upload.leaveSlotWhenSent(atMs);
    const usual = { answerMs: this.#slowestAnswerMs, norm: this.#norm };
    const { bytes, refusals, breaks = 0 } = this.lane.take();
    this.#controller.observe({
      atMs,
      bytes,
      ...(refusals === undefined ? {} : { refusals }),
      breaks,
      uploads: Array.from(this.#uploads, (upload) => upload.state(atMs, usual)),
      waiting: this.lane.limiter.waiting,
      finished: this.#finished,
    });
    this.#finished = 0;
    this.#cutFrozen(atMs);
    this.#adapt();
  }

  /** What it came to, once anything was sent. */
  settled(): Settled | undefined {
    if (this.lane.servedBytes === 0) return undefined;
    const { pushers } = this.#options;
    const origin = this.registry;
    if (pushers !== 'auto') return { origin, mode: 'fixed', width: pushers };
    const { target: width, reason } = this.#controller;
    return { origin, mode: 'auto', width, reason: reason === 'starting' ? TOO_SHORT : reason };
  }

  /** What is worth remembering of this registry. */
  ceiling(): RememberedCeiling | undefined {
    return this.#options.pushers === 'auto' ? this.#controller.ceiling() : undefined;
  }

  #cutFrozen(now: number): void {
    const frozen = new Set(this.#controller.cancel);
    if (frozen.size === 0) return;
    for (const upload of this.#uploads) {
      if (!frozen.has(upload.id)) continue;
      const silentMs = upload.silentMs(now);
      upload.cut(`nothing of it moved for ${Math.round(silentMs / 100) / 10} s`);
    }
  }

  #adapt(): void {
    if (this.#options.pushers !== 'auto') return;
    const { target, openLimit, reason } = this.#controller;
    const { limiter } = this.lane;
    let committing = 0;
    for (const upload of this.#uploads) if (upload.hasLeftSlot) committing += 1;
    // Registries that commit slowly are not buried under uploads that wait to be committed.
    const width = Math.max(1, Math.min(target, openLimit - committing));
    if (width === limiter.width) return;
    limiter.resize(width);
    this.#options.onWidth(width, reason);
  }
}
