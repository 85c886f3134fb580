import type { BuildTarget, BuiltImage } from '../build/index.ts';
import type { Descriptor } from '../image/index.ts';
import {
  createPublishGate,
  openPusher,
  type PublishGate,
  type Pusher,
  type Settled,
} from '../transfer/index.ts';
import type { BulkSettings } from './bulkRun.ts';
import { isForwarded, type RunListener } from './events.ts';
import type { LiveLedger } from './liveLedger.ts';
import { type PushEnding, pushTarget, storeNames } from './pushStage.ts';
import type { RunPlan } from './runFolder.ts';
import type { RunProgress } from './runProgress.ts';
import { isFull } from './schedule.ts';
import { blobsOf, Unpushed } from './unpushed.ts';

export interface PushDeskParts {
  readonly plan: RunPlan;
  readonly ledger: LiveLedger;
  readonly options: BulkSettings;
  readonly progress: RunProgress;
  readonly emit: RunListener;
}

/** The narrow half of a run: what is built and not up yet, and the one pusher that takes it there. */
export class PushDesk implements AsyncDisposable {
  readonly #parts: PushDeskParts;
  readonly #unpushed = new Unpushed();
  readonly #blobs = new Map<string, readonly Descriptor[]>();
  readonly #pusher: Pusher | undefined;
  readonly #gate: PublishGate | undefined;
  #full = false;

  constructor(parts: PushDeskParts) {
    this.#parts = parts;
    const { plan, ledger, options, progress, emit } = parts;
    if (!plan.push || options.push === undefined) return;
    this.#pusher = openPusher({
      ...options.push,
      store: options.store,
      drain: options.drain,
      signal: options.signal,
      onEvent: (event) => {
        if (event.type === 'progress') progress.pushed(event);
        if (isForwarded(event)) emit(event);
      },
    });
    if (plan.publish !== 'all-or-none') return;
    const waiting = ledger.open().filter(({ target }) => this.pushes(target));
    const names = waiting.flatMap(({ target }) => storeNames(this.#target(target)));
    this.#gate = createPublishGate(names.length);
  }

  get unpushedBytes(): number {
    return this.#unpushed.bytes;
  }

  get sentBytes(): number {
    return this.#pusher?.sentBytes ?? 0;
  }

  settled(): readonly Settled[] {
    return this.#pusher?.settled() ?? [];
  }

  /** Targets that are there only because others are built from them stay in the store. */
  pushes(target: string): boolean {
    return this.#pusher !== undefined && this.#parts.plan.graph.linked?.includes(target) !== true;
  }

  /** Whether builds have to wait for pushes; told when that changes. */
  isFull(): boolean {
    // Where tags wait for all images, builds that wait would wait for ever.
    if (this.#pusher === undefined || this.#gate !== undefined) return false;
    const { options, emit } = this.#parts;
    const unpushedBytes = this.#unpushed.bytes;
    const full = isFull(unpushedBytes, options.highWaterBytes, this.#full);
    if (full !== this.#full)
      emit({ type: 'bulk.held', at: options.now(), held: full, unpushedBytes });
    this.#full = full;
    return full;
  }

  /**
   * Takes note of an image that was built.
   * @returns the bytes that no earlier image of the run had
   * @throws LongshoreError `ERR_IMAGE_INCOMPLETE`
   */
  async take(target: string, image: BuiltImage): Promise<number> {
    const blobs = await blobsOf(image, this.#parts.options.store);
    const newBytes = this.#unpushed.add(blobs);
    if (this.pushes(target)) this.#blobs.set(target, blobs);
    else this.#unpushed.remove(blobs);
    return newBytes;
  }

  /** Pushes an image under all its names, and says how that ended. */
  async push(target: string, image: BuiltImage): Promise<PushEnding> {
    const pusher = this.#pusher;
    if (pusher === undefined) return { to: 'cancelled' };
    if (!this.#blobs.has(target)) await this.take(target, image);
    const up = (): Iterable<string> => this.#namesUp(target);
    const ending = await pushTarget(this.#target(target), image, { pusher, gate: this.#gate, up });
    this.#unpushed.remove(this.#blobs.get(target) ?? []);
    return ending;
  }

  /** Tags that wait for this image wait no longer. */
  fail(target: string): void {
    this.#gate?.fail(target);
  }

  stop(reason: unknown): void {
    this.#pusher?.stop(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pusher?.close();
  }

  /** What is at the registry already: what this target is built from first, then all else. */
  *#namesUp(target: string): Iterable<string> {
    const { plan, ledger } = this.#parts;
    const bases = plan.graph.edges.flatMap(({ from, to }) => (from === target ? [to] : []));
    const entries = [...bases.map((base) => ledger.get(base)), ...ledger.entries.values()];
    for (const entry of entries) {
      for (const { destination, state } of entry?.tags ?? []) {
        if (state === 'pushed' || state === 'unchanged') yield destination;
      }
    }
  }

  #target(name: string): BuildTarget {
    return findTarget(this.#parts.plan, name);
  }
}

/** A target of the plan by its name. */
export function findTarget({ graph }: RunPlan, name: string): BuildTarget {
  const target = graph.targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`the plan has no target ${name}`);
  return target;
}
